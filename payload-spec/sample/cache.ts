import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where built parts are kept between runs, outside the checkout. */
export function sampleCacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ivaap', 'sample');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Runs `work` while no other process does: a `flock` child holds the lock and lets go when its stdin closes,
 * so the death of this process frees it too.
 */
async function withLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true });
  const holder = spawn('flock', [lockFile, 'sh', '-c', 'echo locked; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  const first = await Promise.race([once(holder.stdout, 'data'), ended]);
  if (!Buffer.isBuffer(first[0])) throw new Error(`flock could not lock ${lockFile}`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

/** Removes what builders of the same key left that were killed; the caller holds the key's lock. */
async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * The folder `kind/key` of the cache, made by `build` when it is not there. It appears completely or not at
 * all, and callers that come at the same time build it once.
 */
export async function cached(
  kind: string,
  key: string,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const parent = join(sampleCacheFolder(), kind);
  const target = join(parent, key);
  if (await exists(target)) return target;
  return withLock(join(parent, `${key}.lock`), async () => {
    if (await exists(target)) return target;
    await removeLeftovers(parent, `.building-${key}-`);
    const scratch = await mkdtemp(join(parent, `.building-${key}-`));
    try {
      await build(scratch);
      await chmod(scratch, 0o755);
      await rename(scratch, target);
    } catch (error) {
      await rm(scratch, { recursive: true, force: true });
      throw error;
    }
    return target;
  });
}
