import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Extract } from 'tar-stream';
import { compressionName } from './compression.ts';
import { openRegular } from '../host/regular-file.ts';
import { paddedSize, tarEnd } from '../payload/format/archive-tar.ts';
import { bounded, UnpacksTooFar } from './unpack-limit.ts';

/**
 * One file or link in a tar, while it passes. `content` must be read to its end before the next is asked for.
 */
export interface TarFile {
  name: string;
  size: number;
  /** Name in the archive of what a link leads to; undefined for a regular file. */
  linkTarget: string | undefined;
  content: AsyncIterable<Buffer>;
}

export interface TarFilesOptions {
  signal?: AbortSignal;
  /** Bytes of the file on disk that were read so far. */
  onBytes?: (done: number, total: number) => void;
}

/** Why a file is no archive that can be read: not gzip or tar at all, or cut off, or damaged. */
export class UnreadableArchive extends Error {
  override readonly name = 'UnreadableArchive';
}

/** The files of a tar or a gzipped tar, one after another. Throws {@link UnreadableArchive}. */
export async function* tarFiles(path: string, options: TarFilesOptions = {}): AsyncGenerator<TarFile> {
  const { default: tar } = await import('tar-stream');
  const handle = await openRegular(path);
  const raw = handle.createReadStream({ highWaterMark: 1024 * 1024 });
  try {
    const { size: total } = await handle.stat();
    const head = Buffer.alloc(512);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const compressed = head[0] === 0x1f && head[1] === 0x8b;
    if (!compressed && !(bytesRead === head.length && head.toString('latin1', 257, 262) === 'ustar')) {
      const other = compressionName(head);
      if (other !== undefined)
        throw new UnreadableArchive(
          `it is compressed with ${other}, and only gzip and a plain tar are read here`,
        );
      throw new UnreadableArchive(total === 0 ? 'it is empty' : 'it is neither gzip nor tar');
    }
    let done = 0;
    const seen = new LastSeen();
    const watch = (pieces: AsyncIterable<Buffer>) => seen.watch(pieces);
    raw.on('data', (chunk: Buffer | string) => options.onBytes?.((done += chunk.length), total));
    raw.pause();
    const unpack = tar.extract();
    // Its failure reaches the loop below through `unpack`.
    const flow = compressed
      ? pipeline(raw, createGunzip(), bounded(total), watch, unpack)
      : pipeline(raw, watch, unpack);
    flow.catch(() => undefined);
    for await (const entry of upToItsEnd(unpack, seen)) {
      options.signal?.throwIfAborted();
      const { name, size = 0, type, linkname } = entry.header;
      // A size field in no known form comes as null, and a file of that size never ends.
      if (!Number.isSafeInteger(size) || size < 0)
        throw new UnreadableArchive(`it cannot be read: ${name} has no size`);
      const regular = type === 'file' || type === 'contiguous-file';
      yield {
        name: posix.normalize(name),
        size,
        linkTarget: regular ? undefined : linkTarget(name, type, linkname ?? ''),
        content: explained(entry as unknown as Readable),
      };
      entry.resume();
    }
    await flow.catch((error: unknown) => {
      if (!seen.isBehindEnd(error)) throw error;
    });
  } catch (error) {
    if (error instanceof UnreadableArchive || options.signal?.aborted === true) throw error;
    throw new UnreadableArchive(explain(error), { cause: error });
  } finally {
    raw.destroy();
    await handle.close().catch(() => undefined);
  }
}

/** A symbolic link is relative to its folder, a hard link to the archive. */
export const linkTarget = (name: string, type: string | null | undefined, target: string): string =>
  type === 'link' ? posix.normalize(target) : posix.join(posix.dirname(name), target);

/** The file of a name, through links that lead to links as well. */
export function followed<File>(
  name: string,
  files: ReadonlyMap<string, File>,
  links: ReadonlyMap<string, string>,
): File | undefined {
  const seen = new Set<string>();
  let at: string | undefined = name;
  while (at !== undefined && !files.has(at) && !seen.has(at)) {
    seen.add(at);
    at = links.get(at);
  }
  return at === undefined ? undefined : files.get(at);
}

/**
 * The last pieces of a tar that passed, and where its last file ended: what follows the end of a tar does not
 * damage it.
 */
class LastSeen {
  #pieces: Buffer[] = [];
  /** Position behind the last piece. */
  #end = 0;
  /** Where the padded content of the last file that started ends. */
  #fileEnd = 0;

  async *watch(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      this.#pieces = [...this.#pieces.slice(-2), piece];
      this.#end += piece.length;
      yield piece;
    }
  }

  fileBegins({ byteOffset = 0, size = 0 }: { byteOffset?: number; size?: number }): void {
    this.#fileEnd = byteOffset + paddedSize(size);
  }

  /** Whether an error is one of bytes behind the blocks of zeros that end a tar. */
  isBehindEnd(error: unknown): boolean {
    if (!/unexpected end of data|invalid tar header/i.test((error as Error).message)) return false;
    const last = Buffer.concat(this.#pieces);
    const from = last.length - (this.#end - this.#fileEnd);
    return from >= 0 && last.subarray(from, from + tarEnd.length).equals(tarEnd);
  }
}

/** The files of a tar up to its end: an error behind that is one of bytes that do not belong to it. */
async function* upToItsEnd(unpack: Extract, seen: LastSeen) {
  try {
    for await (const entry of unpack) {
      seen.fileBegins(entry.header);
      yield entry;
    }
  } catch (error) {
    if (!seen.isBehindEnd(error)) throw error;
  }
}

/** A part that breaks off breaks in the hands of whoever reads it. */
async function* explained(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* content;
  } catch (error) {
    if (error instanceof UnreadableArchive) throw error;
    throw new UnreadableArchive(explain(error), { cause: error });
  }
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof UnpacksTooFar) return message;
  // Its own header was gzip's: what came where another one may follow is not.
  if (code === 'Z_DATA_ERROR' && /incorrect header check/.test(message))
    return 'data was appended after its end';
  if (code === 'Z_BUF_ERROR' || /unexpected end/i.test(message)) return 'it is cut off';
  return `it cannot be read: ${message}`;
}

const openingBraces = [0x7b, 0x5b]; // { [

/** Reads a file's content, hashing it, and keeps the bytes of JSON up to a size. */
export async function digestOf(
  file: TarFile,
  keepBytes: number,
): Promise<{ digest: string; head: Buffer; bytes: Buffer | undefined }> {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let head: Buffer = Buffer.alloc(0);
  const isKept = ([first = 0]: Buffer) => file.size <= keepBytes && openingBraces.includes(first);
  for await (const chunk of file.content) {
    hash.update(chunk);
    if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]).subarray(0, 4);
    if (isKept(head)) kept.push(chunk);
  }
  const bytes = isKept(head) ? Buffer.concat(kept) : undefined;
  return { digest: `sha256:${hash.digest('hex')}`, head, bytes };
}
