import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Emit } from '../engine/events.ts';
import { IvaapError } from '../errors.ts';
import { startsAsWritten } from '../images/written-archive.ts';
import {
  assertRoom,
  type ExtractSource,
  type ExtractTarget,
  extractTarget,
  extractToFile,
} from '../payload/extract-file.ts';
import { openPayload, selfPath } from '../payload/open-payload.ts';
import { payloadFile } from '../payload/payload-file.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import { nearestNames } from '../policy/nearest.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { byteTask } from './byte-task.ts';
import type { ExtractedFile } from './extract-schema.ts';
import { assertSafeTarget, writeBeside } from './product-folder.ts';

interface ExtractPorts {
  emit: Emit;
  signal: AbortSignal;
  program: string;
  again: Again;
}

/**
 * Writes one archive or file of the payload to DEST, which appears or is replaced atomically once every byte
 * was checked.
 */
export async function extractFile(
  { name, dest, force }: { name: string; dest: string; force: boolean },
  { emit, signal, program, again }: ExtractPorts,
): Promise<ExtractedFile> {
  const payload = await openPayload();
  try {
    const source = await sourceOf(payload, name, program);
    const { sizeBytes } = source;
    const target = await extractTarget(dest, name, { ourselves: selfPath, asRoot: asRoot(again()) });
    if (!force) {
      const words = ['extract-file', name, dest].map(shellWord);
      await assertReplaceable(payload, name, target, [program, ...words].join(' '));
    }
    const product = await payload.product();
    await assertSafeTarget(target.path, product.folder);
    await assertRoom(dirname(target.path), sizeBytes);
    const task = byteTask(emit, { task: 'extract', title: `writing ${target.path}`, total: sizeBytes });
    await task.during(() =>
      writeBeside(dirname(target.path), product, signal, (guarded) =>
        extractToFile(source, target, { signal: guarded, onBytes: task.progress }),
      ),
    );
    return { name, path: target.path, sizeBytes, replaced: target.replaces !== undefined };
  } finally {
    await payload.close();
  }
}

/**
 * Passes the checked bytes to `write` in pieces. A reader that closes the pipe is an error here: it gets an
 * incomplete file.
 */
export async function streamFile(
  name: string,
  write: (piece: Buffer) => Promise<void>,
  { program, signal }: Pick<ExtractPorts, 'program' | 'signal'>,
): Promise<void> {
  const payload = await openPayload();
  try {
    const source = await sourceOf(payload, name, program);
    for await (const piece of source.stream()) {
      signal.throwIfAborted();
      await write(piece);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error instanceof IvaapError) throw error;
    throw new IvaapError('failed', `${name} could not be written completely to standard output`, {
      cause: error,
    });
  } finally {
    await payload.close();
  }
}

/**
 * The archive or entry with that name. Throws IvaapError `usage` with the nearest names when there is none.
 */
async function sourceOf(payload: Payload, name: string, program: string): Promise<ExtractSource> {
  const { archives, entries } = await payload.index();
  const names = [...archives, ...entries].map((candidate) => candidate.name);
  if (names.includes(name)) return payloadFile(payload, name);
  const near = nearestNames(
    name,
    names.filter((candidate) => !candidate.startsWith('blobs/')),
  );
  const meant = near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
  throw new IvaapError('usage', `the payload has no ${name}${meant}`, { hint: `${program} manifest` });
}

/**
 * Allows without --force only to replace an archive by an archive, where the old one was written by this
 * program or is at the path of a product's archive. Throws IvaapError `usage` for any other file; `command`
 * is what was typed.
 */
async function assertReplaceable(
  payload: Payload,
  name: string,
  { path, replaces }: ExtractTarget,
  command: string,
): Promise<void> {
  if (replaces === undefined) return;
  const { archives } = await payload.index();
  if (archives.some((archive) => archive.name === name)) {
    const { folder, archives: places } = await payload.product();
    // The operator's path may lead to the product's folder through links.
    const real = join(await realpath(dirname(path)), basename(path));
    const root = await realpath(folder).catch(() => folder);
    const isPlace = archives.some((archive) => join(root, archive.name) === real);
    const connectors = places.connectorsFolder;
    if (isPlace || (connectors !== undefined && dirname(real) === join(root, connectors))) return;
    if (await startsAsWritten(path).catch(() => false)) return;
  }
  throw new IvaapError('usage', `${path} exists and is not an archive of this program; nothing was changed`, {
    hint:
      'use a new file name, or check that file (ls -l ' +
      `${shellWord(path)}) and replace it: ${command} --force`,
  });
}
