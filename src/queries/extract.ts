import { dirname } from 'node:path';
import type { Emit } from '../engine/events.ts';
import { assertRoom, type ExtractSource } from '../payload/extract-file.ts';
import { extractTree, treeTarget } from '../payload/extract-tree.ts';
import { openPayload } from '../payload/open-payload.ts';
import { payloadFile } from '../payload/payload-file.ts';
import type { Payload } from '../payload/reader.ts';
import { byteTask } from './byte-task.ts';
import type { ExtractedTree } from './extract-schema.ts';
import { assertSafeTarget, writeBeside } from './product-folder.ts';

/**
 * Writes all files of the payload to a new or empty folder, which appears only once every byte was checked.
 */
export async function extractAll(
  dir: string,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<ExtractedTree> {
  const payload = await openPayload();
  try {
    const files = await stagedFiles(payload);
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const target = await treeTarget(dir);
    const product = await payload.product();
    await assertSafeTarget(target.path, product.folder);
    await assertRoom(dirname(target.temporary), sizeBytes);
    const task = byteTask(emit, { task: 'extract', title: `writing ${target.path}`, total: sizeBytes });
    await task.during(() =>
      writeBeside(dirname(target.temporary), product, signal, (guarded) =>
        extractTree(files, target, { signal: guarded, onBytes: task.progress }),
      ),
    );
    return { path: target.path, sizeBytes, files: files.map(({ name }) => name) };
  } finally {
    await payload.close();
  }
}

/**
 * Archives, chart, values template and the payload's other files; not blobs, which are in the archives, nor
 * our tools.
 */
async function stagedFiles(payload: Payload): Promise<ExtractSource[]> {
  const { archives, entries, tools } = await payload.index();
  const ours = new Set(Object.values(tools).map(({ entry }) => entry));
  const names = [...archives, ...entries]
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('blobs/') && !ours.has(name));
  return Promise.all(names.map((name) => payloadFile(payload, name)));
}
