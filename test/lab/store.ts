import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { hostImages, hostsFolder, snapshotFolder, storeFile, storeFolder } from './paths.ts';
import { locked, run, until } from './process.ts';

/**
 * Disk files of hosts and snapshots. They are on one XFS file, so that a copy shares its blocks and takes no
 * time.
 */

/** Disk sizes, in bytes of a sparse file. */
export interface DiskSizes {
  diskBytes: number;
  optBytes: number;
}

const gibibyte = 2 ** 30;
export const defaultSizes: DiskSizes = { diskBytes: 24 * gibibyte, optBytes: 6 * gibibyte };
const storeBytes = 200 * gibibyte;

const mounted = () => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${storeFolder} `);

function makeFileSystem(file: string, bytes: number): Promise<string> {
  writeFileSync(file, '');
  truncateSync(file, bytes);
  return run('mkfs.xfs', ['-q', '-m', 'reflink=1', file]);
}

/** Mounts the store, made at first use, and keeps it mounted during `work`. */
export async function withStore<T>(work: () => Promise<T>): Promise<T> {
  return locked('store', async () => {
    mkdirSync(storeFolder, { recursive: true });
    mkdirSync(hostsFolder, { recursive: true });
    if (!existsSync(storeFile)) {
      await makeFileSystem(`${storeFile}.new`, storeBytes);
      renameSync(`${storeFile}.new`, storeFile);
    }
    // Discard gives the machine back the room of what was removed.
    if (!mounted()) await run('mount', ['-o', 'loop,discard,nodev', storeFile, storeFolder]);
    try {
      return await work();
    } finally {
      if (readdirSync(hostsFolder).length === 0) await run('umount', [storeFolder]);
    }
  });
}

export async function makeDisks(name: string, { diskBytes, optBytes }: DiskSizes): Promise<void> {
  mkdirSync(hostImages(name), { recursive: true });
  await makeFileSystem(join(hostImages(name), 'disk.img'), diskBytes);
  await makeFileSystem(join(hostImages(name), 'opt-ivaap.img'), optBytes);
}

async function copyDisks(from: string, to: string): Promise<void> {
  rmSync(`${to}.new`, { recursive: true, force: true });
  mkdirSync(`${to}.new`, { recursive: true });
  for (const file of readdirSync(from)) {
    await run('cp', ['--reflink=always', join(from, file), join(`${to}.new`, file)]);
  }
  rmSync(to, { recursive: true, force: true });
  renameSync(`${to}.new`, to);
}

export const saveSnapshot = (name: string, snapshot: string) =>
  copyDisks(hostImages(name), snapshotFolder(snapshot));

export function loadSnapshot(snapshot: string, name: string): Promise<void> {
  if (!existsSync(snapshotFolder(snapshot))) throw new Error(`no snapshot "${snapshot}"`);
  return copyDisks(snapshotFolder(snapshot), hostImages(name));
}

export function removeDisks(name: string): void {
  rmSync(hostImages(name), { recursive: true, force: true });
  rmSync(`${hostImages(name)}.new`, { recursive: true, force: true });
}

/** Waits until the kernel has written back and let go of the host's disks. */
export async function disksReleased(name: string): Promise<void> {
  const held = () =>
    readdirSync('/sys/block').filter((device) => {
      try {
        const file = readFileSync(`/sys/block/${device}/loop/backing_file`, 'utf8');
        // A host's own view of the path may leave the store's mount point out.
        return file.includes(`/hosts/${name}/`);
      } catch {
        return false;
      }
    });
  await until(
    30_000,
    () => held().length === 0,
    () => `loop devices of ${name} are still held: ${held().join(' ')}`,
  );
}

export function removeSnapshot(snapshot: string): Promise<void> {
  return withStore(async () => rmSync(snapshotFolder(snapshot), { recursive: true, force: true }));
}
