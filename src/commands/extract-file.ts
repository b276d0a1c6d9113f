import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { beginsAsWritten } from '../images/written-archive.ts';
import type { ExtractSource, ExtractTarget } from '../payload/extract-file.ts';
import { assertRoom, extractTarget, extractToFile } from '../payload/extract-file.ts';
import { payloadFile } from '../payload/payload-file.ts';
import type { Payload } from '../payload/reader.ts';
import { openPayload, selfPath } from '../payload/open-payload.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { Command, Invocation } from './command.ts';
import { nearestNames } from './nearest.ts';
import { assertSafeTarget, writeBeside } from './product-folder.ts';
import { shellWord } from '../shell-word.ts';
import { byteTask } from './byte-task.ts';

/** The archive or entry of that name. Throws IvaapError `usage` that names the nearest ones when there is none. */
async function sourceOf(payload: Payload, name: string, program: string): Promise<ExtractSource> {
  const { archives, entries } = await payload.index();
  const names = [...archives, ...entries].map((candidate) => candidate.name);
  if (names.includes(name)) return payloadFile(payload, name);
  const near = nearestNames(
    name,
    names.filter((candidate) => !candidate.startsWith('blobs/')),
  );
  const meant = near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
  throw new IvaapError('usage', `the payload holds no ${name}${meant}`, { hint: `${program} manifest` });
}

/** Writes to standard output with back-pressure; a reader that goes away is an error here: it wanted the bytes. */
async function writeToStdout(source: ExtractSource, signal: AbortSignal): Promise<void> {
  const write = (piece: Buffer) =>
    new Promise<void>((resolve, reject) => {
      process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  try {
    for await (const piece of source.stream()) {
      signal.throwIfAborted();
      await write(piece);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error instanceof IvaapError) throw error;
    throw new IvaapError('failed', `standard output took no more of ${source.name}`, { cause: error });
  }
}

/**
 * What may be replaced without being asked for: an archive by an archive, where the old one was written by this program or lies where
 * the product's archives lie. Throws IvaapError `usage` for any other file; `command` is what was typed.
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
    // The operator's way to the product's folder may be another one, through links.
    const real = join(await realpath(dirname(path)), basename(path));
    const root = await realpath(folder).catch(() => folder);
    const isPlace = archives.some((archive) => join(root, archive.name) === real);
    const connectors = places.connectorsFolder;
    if (isPlace || (connectors !== undefined && dirname(real) === join(root, connectors))) return;
    if (await beginsAsWritten(path).catch(() => false)) return;
  }
  throw new IvaapError('usage', `${path} is there, and is no archive of this program; nothing was changed`, {
    hint: `name a new file, or look at that one (ls -l ${shellWord(path)}) and replace it: ${command} --force`,
  });
}

async function run({ args, program, again, signal, json, options }: Invocation): Promise<void> {
  const [name = '', dest = ''] = args;
  const payload = await openPayload();
  try {
    const source = await sourceOf(payload, name, program);
    if (dest === '-') return await writeToStdout(source, signal);
    const target = await extractTarget(dest, name, { ourselves: selfPath, asRoot: `sudo ${again()}` });
    if (options['force'] !== true) {
      const command = [program, 'extract-file', name, dest].map((word, at) =>
        at === 0 ? word : shellWord(word),
      );
      await assertReplaceable(payload, name, target, command.join(' '));
    }
    const product = await payload.product();
    await assertSafeTarget(target.path, product.folder);
    await assertRoom(dirname(target.path), source.sizeBytes);
    const task = byteTask('extract', `writing ${target.path}`, source.sizeBytes);
    await task.during(() =>
      writeBeside(dirname(target.path), product, signal, (guarded) =>
        extractToFile(source, target, { signal: guarded, onBytes: task.progress }),
      ),
    );
    const { sizeBytes } = source;
    const done = target.replaces === undefined ? 'written' : 'replaced';
    process.stdout.write(
      json
        ? `${JSON.stringify({ name, path: target.path, sizeBytes, replaced: done === 'replaced' })}\n`
        : `${target.path}: ${done}, ${formatBytes(sizeBytes)}, every byte checked against the payload's index (SHA-256)\n`,
    );
  } finally {
    await payload.close();
  }
}

export const extractFileCommand: Command = {
  arguments: [
    { name: '<name>', summary: 'an archive or a file of the payload, as `manifest` lists it' },
    { name: '<dest>', summary: 'the file to write; `-` is standard output' },
  ],
  options: [
    { flags: '--force', summary: 'replace an existing file that is no archive of this program' },
    { flags: '--json', summary: 'the result, or the error, as one JSON object' },
  ],
  touches:
    'Writes DEST and nothing else: under a temporary name beside it, each byte checked on its way, then renamed into place.\n' +
    'An archive that lies where the product has its archives, or that this program has written, is replaced in one instant and gives\n' +
    'its owner and mode to the new one; any other file only with --force. A folder, a link or a device is refused. Needs room for the new file beside the old one.',
  examples: [
    [
      'extract-file NAME /path/to/file',
      'write or replace that file (`manifest` prints these commands ready to use)',
    ],
    ['extract-file NAME - | tar -tz', 'list what an archive holds, without writing it'],
  ],
  exits: ['usage', 'preflight', 'payload', 'failed', 'interrupted', 'terminated'],
  run,
};
