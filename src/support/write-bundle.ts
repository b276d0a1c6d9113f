import { dirname } from 'node:path';
import { createGzip } from 'node:zlib';
import { lstatSync } from 'node:fs';
import { type StreamedFile, writeStreamAtomic } from '../host/atomic-file.ts';
import { DiskReserve, type ReserveLimits } from '../host/reserve.ts';
import { IvaapError } from '../errors.ts';
import { roomAt } from '../host/mounts.ts';
import { shellWord } from '../shell-word.ts';
import type { Document } from './collector.ts';

/** Of the bundle, before it is compressed. */
const mostBytes = 50 * 1024 * 1024;
/** Beyond the reserve, before anything is collected; most bundles are far smaller. */
const roomBytes = 4 * 1024 * 1024;

/** Where a bundle may lie when the chosen disk has no room; a memory disk is better than nothing. */
const otherPlaces = ['/root', '/home', '/var/tmp', '/tmp', '/dev/shm'];

/**
 * Throws where the bundle could not be written to this path, before anything is collected: `usage` for what
 * is there already, `failed` for a disk without room.
 */
export async function assertWritable(
  path: string,
  { limits, again }: { limits: ReserveLimits | undefined; again: (output: string) => string },
): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined) {
    const [what, other] = found.isDirectory()
      ? ['a folder', `${path}/support.tar.gz`]
      : ['there already', `${path}.1`];
    throw new IvaapError('usage', `${path} is ${what}; a support bundle replaces nothing`, {
      hint: again(other.replaceAll('//', '/')),
    });
  }
  const { freeBytes, mountPoint } = await roomAt(path);
  const { keptBytes } = await DiskReserve.at(path, limits);
  if (freeBytes - keptBytes >= roomBytes) return;
  const place = await otherPlace(mountPoint, limits);
  throw new IvaapError(
    'failed',
    `there is no room for a support bundle on ${mountPoint}: what is free is reserved so that the database ` +
      'and the cluster keep running',
    { hint: place === undefined ? `df -h ${shellWord(mountPoint)}` : again(`${place}/support.tar.gz`) },
  );
}

async function otherPlace(full: string, limits: ReserveLimits | undefined): Promise<string | undefined> {
  for (const place of otherPlaces) {
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    const { freeBytes, mountPoint } = await roomAt(place);
    const { keptBytes } = await DiskReserve.at(place, limits);
    if (mountPoint !== full && freeBytes - keptBytes >= roomBytes) return place;
  }
  return undefined;
}

export interface BundleOptions {
  /** Folder in the archive that holds all of it. */
  folder: string;
  limits: ReserveLimits | undefined;
  signal: AbortSignal;
}

/**
 * Writes the archive, readable by its owner alone: it appears complete, or not at all. What does not fit
 * in 50 MiB is left out and named in `left-out.txt`.
 */
export async function writeBundle(
  path: string,
  documents: readonly Document[],
  { folder, limits, signal }: BundleOptions,
): Promise<StreamedFile> {
  const { default: tar } = await import('tar-stream');
  const reserve = await DiskReserve.at(dirname(path), limits);
  const pack = tar.pack();
  const mtime = new Date();
  let left = mostBytes;
  const entry = (name: string, content: Buffer) =>
    pack.entry({ name: `${folder}/${name}`, mode: 0o600, mtime }, content);
  const leftOut: string[] = [];
  for (const { name, text } of documents) {
    const content = Buffer.from(text);
    if (content.length > left) {
      leftOut.push(name);
      continue;
    }
    left -= content.length;
    entry(name, content);
  }
  if (leftOut.length > 0) entry('left-out.txt', Buffer.from(`no room for:\n${leftOut.join('\n')}\n`));
  pack.finalize();
  const gzip = createGzip();
  pack.on('error', (error: Error) => gzip.destroy(error)).pipe(gzip);
  return writeStreamAtomic(path, reserve.spending(gzip), { mode: 0o600, found: null, signal });
}
