import { IvaapError } from '../errors.ts';
import type { Containerd, StoredBlob } from '../host/containerd.ts';
import { asRoot, sudo } from '../shell-word.ts';

export interface DamagedBlobSearch {
  containerd: Containerd;
  /** The blobs that are needed. */
  needed: readonly string[];
  /** Manifests of the images that are being loaded: names that lead to them are no use by others. */
  loading: ReadonlySet<string>;
  signal?: AbortSignal;
  log?: (line: string) => void;
  warn?: (line: string) => void;
}

/**
 * containerd takes a blob that it has for the right one, by its name, and skips what an import brings: a blob
 * that rots on its disk stays for good. Reads those that are needed, and takes out of the store what has
 * other bytes than its name says, unless another image uses it. Returns what was taken out. Throws IvaapError
 * `failed` that names blob and users.
 */
export async function dropDamaged({
  containerd,
  needed,
  loading,
  signal,
  log,
  warn,
}: DamagedBlobSearch): Promise<string[]> {
  const stored = await containerd.storedBlobs();
  const there = new Set(stored.map(({ digest }) => digest));
  const damaged: string[] = [];
  for (const digest of needed.filter((one) => there.has(one))) {
    signal?.throwIfAborted();
    log?.(`reading the blob ${digest} in containerd's content store`);
    const isOther = async () => {
      const found = await containerd.hashOf(digest, { signal });
      // What a failed import has left unnamed may be collected meanwhile.
      return found !== undefined && found !== digest;
    };
    // Twice: an answer that was cut on its way is no rot.
    if ((await isOther()) && (await isOther())) damaged.push(digest);
  }
  if (damaged.length === 0) return [];
  const users = await usersOf(containerd, stored, damaged, loading);
  if (users.length > 0) throw inUse(damaged, users);
  await containerd.dropBlobs(damaged);
  for (const digest of damaged)
    warn?.(
      `the blob ${digest} in containerd's content store was damaged; it was removed and is imported again`,
    );
  return damaged;
}

/** Names of other images that lead to one of the blobs, over manifests and indexes. */
async function usersOf(
  containerd: Containerd,
  stored: readonly StoredBlob[],
  blobs: readonly string[],
  loading: ReadonlySet<string>,
): Promise<string[]> {
  const reached = new Set(blobs);
  for (let before = 0; before !== reached.size;) {
    before = reached.size;
    for (const { digest, names } of stored) if (names.some((name) => reached.has(name))) reached.add(digest);
  }
  const images = await containerd.names();
  const users = images.filter(({ digest }) => reached.has(digest) && !loading.has(digest));
  // CRI's own names for an image say nothing to people.
  const names = users.map(({ name }) => name);
  const shown = names.filter((name) => !name.startsWith('sha256:'));
  return shown.length > 0 ? shown : names;
}

function inUse(damaged: readonly string[], users: readonly string[]): IvaapError {
  const blobs = damaged.join(', ');
  const commands = [
    `${sudo.ctr} content delete ${damaged.join(' ')}`,
    `${sudo.ctr} leases create --id collect`,
    `${sudo.ctr} leases delete --sync collect`,
  ];
  return new IvaapError(
    'failed',
    `the blob ${blobs} in containerd's content store is damaged, and ${users.join(', ')} uses it too`,
    {
      hint:
        `check that disk (${asRoot('dmesg')}). Running containers do not need the blob. Remove it, then ` +
        `run the same command again, which imports it: ${commands.join(' && ')}`,
    },
  );
}
