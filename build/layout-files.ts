import { createReadStream, createWriteStream, openSync, readSync, closeSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { compressionOf, unsupportedCompression } from '../src/images/compression.ts';
import { bounded } from '../src/images/unpack-limit.ts';
import { SpecError } from './spec-file.ts';
import { tarMembers } from './tar-members.ts';
import { temporaryFolder } from './temporary.ts';
import { zstdFrames } from './zstd-frames.ts';

/** Bytes of a file, `offset` bytes from its beginning. */
export interface BlobPlace {
  path: string;
  offset: number;
  size: number;
}

/** Files of an image layout by their names in it, whether it is a folder or a tar. */
export interface LayoutFiles {
  /** As messages name it. */
  path: string;
  find(name: string): BlobPlace | undefined;
}

/** Where compressed archives are unpacked to be read by position. */
export interface Scratch {
  folder: string;
}

/** Runs `use` with a scratch folder of its own, whose name starts so, and removes it afterwards. */
export async function withScratch<T>(prefix: string, use: (scratch: Scratch) => Promise<T>): Promise<T> {
  const { folder, remove } = temporaryFolder(prefix);
  try {
    return await use({ folder });
  } finally {
    await remove();
  }
}

/** The bytes of a small file. Throws an Error when it is cut off or larger than `limit`. */
export function readBlob({ path, offset, size }: BlobPlace, limit = 16 * 1024 * 1024): Buffer {
  if (size > limit) throw new Error(`it has ${size} bytes, more than ${limit}`);
  const bytes = Buffer.alloc(size);
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < size;) {
      const read = readSync(file, bytes, done, size - done, offset + done);
      if (read === 0) throw new Error('it was cut off');
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}

/** A layout that is unpacked in a folder. */
export function folderSource(folder: string): LayoutFiles {
  return {
    path: folder,
    find(name) {
      // A list in the folder may name anything; what it means is below.
      if (name.startsWith('..')) return undefined;
      const path = join(folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      return found?.isFile() === true ? { path, offset: 0, size: found.size } : undefined;
    },
  };
}

/** What tells how a file is compressed. */
export const headOf = (place: BlobPlace): Buffer => readBlob({ ...place, size: Math.min(8, place.size) });

/** Reads every archive once, however many images name it. */
export function archiveSources(scratch: Scratch): (path: string, where: string) => Promise<LayoutFiles> {
  const opened = new Map<string, Promise<LayoutFiles>>();
  return async (path, where) => {
    const running = opened.get(path) ?? archiveSource(path, join(scratch.folder, `${opened.size}.tar`));
    opened.set(path, running);
    try {
      return await running;
    } catch (cause) {
      throw new SpecError(`${where}: the archive ${path}: ${(cause as Error).message}`, { cause });
    }
  };
}

/**
 * A tar is read where it is; a compressed one is unpacked to `unpacked` first, since nothing in it has a
 * place to read from.
 */
async function archiveSource(path: string, unpacked: string): Promise<LayoutFiles> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw new Error('it is a folder: give it as ociLayout');
  if (found?.isFile() !== true) throw new Error('there is no such file');
  const head = headOf({ path, offset: 0, size: found.size });
  const unread = unsupportedCompression(head);
  if (unread !== undefined) throw new Error(unread.replace('FILE', path));
  const compression = compressionOf(head);
  const tar = compression === 'none' ? path : unpacked;
  if (compression !== 'none') {
    await mkdir(join(unpacked, '..'), { recursive: true });
    const unpack = compression === 'gzip' ? createGunzip() : zstdFrames;
    try {
      await pipeline(createReadStream(path), unpack, bounded(found.size), createWriteStream(unpacked));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).syscall !== undefined) throw cause;
      throw new Error(`it cannot be unpacked: ${(cause as Error).message}`, { cause });
    }
  }
  const members = await tarMembers(tar);
  return {
    path,
    find(name) {
      const member = members.get(name);
      return member && { path: tar, ...member };
    },
  };
}
