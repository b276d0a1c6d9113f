import { dirname } from 'node:path';
import type { ExtractSource } from '../payload/extract-file.ts';
import { assertRoom } from '../payload/extract-file.ts';
import { extractTree, treeTarget } from '../payload/extract-tree.ts';
import { payloadFile } from '../payload/payload-file.ts';
import type { Payload } from '../payload/reader.ts';
import { openPayload } from '../payload/open-payload.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { byteTask } from './byte-task.ts';
import type { Command, Invocation } from './command.ts';
import { assertSafeTarget, writeBeside } from '../queries/product-folder.ts';

/** Archives, chart, values template and the rest of the payload's files. Blobs are inside the archives; tools are ours alone. */
async function stagedFiles(payload: Payload): Promise<ExtractSource[]> {
  const { archives, entries, tools } = await payload.index();
  const ours = new Set(Object.values(tools).map(({ entry }) => entry));
  const names = [...archives, ...entries]
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('blobs/') && !ours.has(name));
  return Promise.all(names.map((name) => payloadFile(payload, name)));
}

async function run({ args, signal, json }: Invocation): Promise<void> {
  const [dir = ''] = args;
  const payload = await openPayload();
  try {
    const files = await stagedFiles(payload);
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const target = await treeTarget(dir);
    const product = await payload.product();
    await assertSafeTarget(target.path, product.folder);
    await assertRoom(dirname(target.temporary), sizeBytes);
    const task = byteTask('extract', `writing ${target.path}`, sizeBytes);
    await task.during(() =>
      writeBeside(dirname(target.temporary), product, signal, (guarded) =>
        extractTree(files, target, { signal: guarded, onBytes: task.progress }),
      ),
    );
    const names = files.map(({ name }) => name);
    process.stdout.write(
      json
        ? `${JSON.stringify({ path: target.path, sizeBytes, files: names })}\n`
        : `${target.path}: ${names.length} files, ${formatBytes(sizeBytes)}, every byte checked against the payload's index (SHA-256)\n`,
    );
  } finally {
    await payload.close();
  }
}

export const extractCommand: Command = {
  arguments: [{ name: '<dir>', summary: 'a new or an empty folder' }],
  options: [{ flags: '--json', summary: 'the result, or the error, as one JSON object' }],
  touches:
    'Writes the image archives, the chart, the values template and the other files of the payload below DIR, under the names\n' +
    'that they have below the product folder. DIR appears under its name only when all of it is written and checked; a DIR\n' +
    'that is not empty is refused.',
  examples: [['extract /var/tmp/stage', 'make a staging folder from which single files can be copied']],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
