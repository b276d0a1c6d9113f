import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { IvaapError } from '../errors.ts';
import { asRoot, shellWord } from '../shell-word.ts';

const writableByGroup = 0o020;
const writableByOthers = 0o002;
const sticky = 0o1000;
const maxLinks = 40;

export interface SafePathOptions {
  /** `true`: the last components may be missing; those that exist are checked. */
  mayBeMissing?: boolean;
  /** The operator chose it, and can choose another one: nothing that others own is told to be changed. */
  isChosen?: boolean;
}

/**
 * Checks that nobody but root can change what a path leads to: each folder, link and file on the way, links
 * followed, is root's and not writable by others. Returns the path with all links resolved. Throws
 * 'preflight'.
 */
export async function assertSafePath(path: string, options: SafePathOptions = {}): Promise<string> {
  if (!isAbsolute(path)) throw new IvaapError('bug', `not an absolute path: ${path}`);
  const pending = resolve(path).split('/').filter(Boolean);
  let current = '/';
  let links = 0;
  await check(current, path);
  while (pending.length > 0) {
    const next = join(current, pending.shift()!);
    const info = await check(next, path, options);
    if (info === undefined) return join(next, ...pending);
    if (!info.isSymbolicLink()) {
      current = next;
      continue;
    }
    links += 1;
    if (links > maxLinks) throw new IvaapError('preflight', `too many links on the way to ${path}`);
    const target = resolve(dirname(next), await readlink(next));
    pending.unshift(...target.split('/').filter(Boolean));
    current = '/';
  }
  return current;
}

async function check(component: string, whole: string, { mayBeMissing, isChosen }: SafePathOptions = {}) {
  const refuse = (what: string, hint: string, cause?: unknown) => {
    const on = component === whole ? component : `${component}, on the way to ${whole},`;
    return new IvaapError('preflight', `${on} ${what}`, { hint, cause });
  };
  const elsewhere =
    'name a path that only root can change, all the way; ' +
    `who owns what: ${asRoot(`namei -l ${shellWord(whole)}`)}`;
  const mend = (command: string) =>
    isChosen === true ? elsewhere : asRoot(`${command} ${shellWord(component)}`);
  try {
    const info = await lstat(component);
    if (info.uid !== 0) throw refuse(`belongs to user ${info.uid}, not to root`, mend('chown -h root'));
    if (info.isSymbolicLink()) return info;
    // A group of root's own is root.
    if ((info.mode & writableByOthers) !== 0 || (info.gid !== 0 && (info.mode & writableByGroup) !== 0)) {
      // A folder like /tmp is meant for everybody: to close it would break what others do there.
      const isShared = (info.mode & sticky) !== 0;
      throw refuse('can be changed by other users than root', isShared ? elsewhere : mend('chmod go-w'));
    }
    return info;
  } catch (error) {
    if (error instanceof IvaapError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && mayBeMissing === true) return undefined;
    throw refuse('cannot be read', `ls -ld ${shellWord(component)}`, error);
  }
}
