import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { IndexArchive, PayloadIndex } from '../payload/format/index-schema.ts';
import { archiveDifference } from './archive-file.ts';
import { gzipHeader } from '../payload/format/archive-gzip.ts';
import { scanForeignArchive } from './foreign-import.ts';
import { UnreadableArchive } from './tar-files.ts';

/**
 * How an archive on disk compares with the payload's. `matches`: size, closing checksum and every header
 * agree, contents not read; `same`: every byte hashed. `unknown`: not written by this program and not looked
 * into; `unreadable`: it could not be read.
 */
export type ArchiveState = 'same' | 'matches' | 'different' | 'missing' | 'unknown' | 'unreadable';

export interface ArchiveComparison {
  name: string;
  /** On disk. */
  path: string;
  state: ArchiveState;
  /** What differs, or why nothing is known. */
  detail?: string;
}

export interface CompareOptions {
  /** Hash every byte of our archives, and look for the images inside foreign ones. */
  deep: boolean;
  signal?: AbortSignal;
  /** Bytes of archives read so far by the deep comparison. */
  onBytes?: (bytes: number) => void;
}

const errorState: Record<string, Pick<ArchiveComparison, 'state' | 'detail'>> = {
  ENOENT: { state: 'missing' },
  ENOTDIR: { state: 'missing' },
  EACCES: { state: 'unreadable', detail: 'not readable by this user: use sudo' },
  ELOOP: { state: 'different', detail: 'it is a link' },
};

async function sha256Of(handle: FileHandle, options: CompareOptions): Promise<string> {
  const hash = createHash('sha256');
  const stream = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 4 * 1024 * 1024 });
  for await (const piece of stream as AsyncIterable<Buffer>) {
    options.signal?.throwIfAborted();
    hash.update(piece);
    options.onBytes?.(piece.length);
  }
  return hash.digest('hex');
}

async function isForeign(handle: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(gzipHeader.length), 0, gzipHeader.length, 0);
  return bytesRead < gzipHeader.length || !buffer.equals(gzipHeader);
}

async function compareForeign(
  path: string,
  index: PayloadIndex,
  archive: IndexArchive,
  { deep, signal, onBytes }: CompareOptions,
): Promise<Pick<ArchiveComparison, 'state' | 'detail'>> {
  const foreign = 'not written by this program';
  if (!deep) return { state: 'unknown', detail: `${foreign}; --deep compares the images inside` };
  const wanted = index.images.filter((image) => archive.images.includes(image.reference));
  const ids = new Set(wanted.map((image) => image.config.digest));
  let before = 0;
  const onDone = (done: number) => {
    onBytes?.(done - before);
    before = done;
  };
  try {
    const options = { onBytes: onDone, signal };
    const { images } = await scanForeignArchive(path, ids, options);
    const absent = wanted.filter((image) => !images.has(image.config.digest));
    if (absent.length === 0) return { state: 'same', detail: `${foreign}; it holds the same images` };
    const names = absent.map((image) => image.reference).join(', ');
    return { state: 'different', detail: `${foreign}; without the payload's ${names}` };
  } catch (error) {
    if (!(error instanceof UnreadableArchive)) throw error;
    return { state: 'different', detail: `${foreign}, and unreadable: ${error.message}` };
  }
}

async function compareOpened(
  handle: FileHandle,
  path: string,
  index: PayloadIndex,
  archive: IndexArchive,
  options: CompareOptions,
): Promise<Pick<ArchiveComparison, 'state' | 'detail'>> {
  if (!(await handle.stat()).isFile()) return { state: 'different', detail: 'it is not a regular file' };
  const difference = await archiveDifference(handle, index, archive);
  if (difference === undefined) {
    if (!options.deep) return { state: 'matches', detail: 'contents not read' };
    return (await sha256Of(handle, options)) === archive.sha256
      ? { state: 'same' }
      : { state: 'different', detail: 'the headers agree and the contents do not: the file is damaged' };
  }
  if (await isForeign(handle)) return compareForeign(path, index, archive, options);
  return { state: 'different', detail: difference };
}

/**
 * Compares each archive of the payload with the file of its name below `folder`. Reads only; throws only when
 * aborted.
 */
export async function compareArchives(
  index: PayloadIndex,
  folder: string,
  options: CompareOptions,
): Promise<ArchiveComparison[]> {
  const comparisons: ArchiveComparison[] = [];
  for (const archive of index.archives) {
    const path = join(folder, archive.name);
    try {
      // Without blocking: somebody may have put a named pipe there.
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const compared = await compareOpened(handle, path, index, archive, options);
        comparisons.push({ name: archive.name, path, ...compared });
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      const { code = '', message } = error as NodeJS.ErrnoException;
      comparisons.push({
        name: archive.name,
        path,
        ...(errorState[code] ?? { state: 'unreadable', detail: message }),
      });
    }
  }
  return comparisons;
}
