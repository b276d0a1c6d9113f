import { readFileSync, readlinkSync, realpathSync, statfsSync, statSync, type BigIntStats } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { asRoot, shellWord } from '../shell-word.ts';
import { isBelow } from './below.ts';

export interface Mount {
  mountPoint: string;
  fileSystem: string;
  /** Of this mount, then of the file system wherever it is mounted. */
  options: string[];
}

export interface Room {
  /** The existing folder that was asked: the path itself or its nearest existing parent. */
  measuredAt: string;
  /** The same for all paths of one file system: their needs are added up. */
  device: string;
  mountPoint: string;
  freeBytes: number;
  totalBytes: number;
  /** Inodes; undefined where the file system makes them as they are needed. */
  freeFiles: number | undefined;
}

/** As /proc and /etc/fstab write blanks. */
export const unescapeMount = (text: string) =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mount that holds a path, from /proc/self/mountinfo; undefined when the path does not exist. */
export function mountOf(path: string): Mount | undefined {
  const real = attempt(() => realpathSync(path));
  if (real === undefined) return undefined;
  let best: Mount | undefined;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const fields = before.split(' ');
    const mountPoint = unescapeMount(fields[4] ?? '');
    if (mountPoint === '') continue;
    // A later line hides an earlier one at the same place.
    if (isBelow(real, mountPoint) && mountPoint.length >= (best?.mountPoint.length ?? 0)) {
      const [fileSystem = '', , ofAll = ''] = after.split(' ');
      best = { mountPoint, fileSystem, options: [...(fields[5] ?? '').split(','), ...ofAll.split(',')] };
    }
  }
  return best;
}

/**
 * Where the file system is mounted that a write to this path goes to: a folder's own, also where the folder
 * is the mount point, and that of the nearest folder that exists for any other path.
 */
export function mountHolding(path: string): string {
  for (let current = path; ; current = dirname(current)) {
    const isFolder = () => statSync(current, { throwIfNoEntry: false })?.isDirectory() === true;
    if (current === dirname(current) || attempt(isFolder) === true) {
      return mountOf(current)?.mountPoint ?? current;
    }
  }
}

/** What `look` finds out; undefined where the system refuses to tell. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/**
 * Whether something is mounted at the path itself, a single file too: nothing can be renamed over it,
 * whatever devices say.
 */
export function isMountPoint(path: string): boolean {
  const mount = mountOf(path);
  return mount !== undefined && mount.mountPoint === realpathSync(path);
}

/** With all links resolved, also one that leads to nothing; its last parts may be missing. */
export function resolvedPath(path: string, mostLinks = 40): string {
  const existing = nearestExisting(path);
  const real = realpathSync(existing);
  const [next = '', ...rest] = relative(existing, path).split('/');
  if (next === '') return real;
  const target = attempt(() => readlinkSync(join(real, next)));
  if (target === undefined || mostLinks === 0) return join(real, next, ...rest);
  return resolvedPath(join(resolve(real, target), ...rest), mostLinks - 1);
}

/**
 * Where a path lies on its device, links and bind mounts resolved; its last parts may be missing. Two paths
 * lead to the same place exactly where both are equal.
 */
export function placeOnDevice(path: string): { device: string; path: string } {
  const real = resolvedPath(path);
  let best = { mountPoint: '', root: '/', device: '' };
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, , device = '', root = '', point = ''] = line.split(' ');
    const mountPoint = unescapeMount(point);
    if (mountPoint === '' || !isBelow(real, mountPoint) || mountPoint.length < best.mountPoint.length)
      continue;
    best = { mountPoint, root: unescapeMount(root), device };
  }
  return { device: best.device, path: join(best.root, relative(best.mountPoint, real)) };
}

/** Whether a path is a folder or lies in it, however both are written. */
export function liesIn(path: string, folder: string): boolean {
  const [inner, outer] = [placeOnDevice(path), placeOnDevice(folder)];
  return inner.device === outer.device && isBelow(inner.path, outer.path);
}

/** Where something is mounted below a folder, the folder itself left out. */
export function mountPointsBelow(folder: string): string[] {
  const real = realpathSync(folder);
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescapeMount(line.split(' ')[4] ?? ''))
    .filter((point) => point.startsWith(`${real}/`));
  return [...new Set(points)].sort();
}

/** The path, or the nearest part of it that exists: a file in the way is that part. */
export function nearestExisting(path: string): string {
  for (let current = path; ; current = dirname(current)) {
    const found = attempt(() => statSync(current, { throwIfNoEntry: false }));
    if (found !== undefined || current === dirname(current)) return current;
  }
}

/** Free room for root's processes at a path that need not exist yet. */
export async function roomAt(path: string): Promise<Room> {
  const measuredAt = nearestExisting(path);
  const [room, info] = await Promise.all([
    statfs(measuredAt, { bigint: true }),
    stat(measuredAt, { bigint: true }) as Promise<BigIntStats>,
  ]);
  return {
    measuredAt,
    device: String(info.dev),
    mountPoint: mountOf(measuredAt)?.mountPoint ?? measuredAt,
    freeBytes: Number(room.bavail * room.bsize),
    totalBytes: Number(room.blocks * room.bsize),
    freeFiles: room.files === 0n ? undefined : Number(room.ffree),
  };
}

/** Why nobody can keep a file there, as below /proc; undefined where one can. */
export const whyNoFiles = ({ totalBytes, mountPoint }: Room): string | undefined =>
  totalBytes === 0 ? `the file system at ${mountPoint} holds no files of others` : undefined;

/** Whether the mount, or the file system wherever it is mounted, takes no write. */
export const isReadOnly = (path: string): boolean => mountOf(path)?.options.includes('ro') === true;

/** Of discs and images: no option makes them writable. */
const neverWritable = new Set(['iso9660', 'squashfs', 'erofs', 'cramfs', 'romfs']);

/** What helps where a mount is read-only. */
export function readOnlyFix(mountPoint: string, fileSystem = mountOf(mountPoint)?.fileSystem ?? ''): string {
  return neverWritable.has(fileSystem)
    ? `name a folder on another disk (${fileSystem} cannot be written): df -h`
    : asRoot(`mount -o remount,rw ${shellWord(mountPoint)}`);
}

/** Whether a file system with free blocks takes no new file all the same. */
export function lacksInodes(mountPoint: string): boolean {
  try {
    const { files, ffree } = statfsSync(mountPoint);
    return files > 0 && ffree === 0;
  } catch {
    return false;
  }
}
