import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileLimits, IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { lacksInodes, mountHolding, readOnlyFix } from './mounts.ts';
import { isRoot } from './system.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** What the system refused, and the one command that shows it or helps. */
export interface Fault {
  message: string;
  hint: string;
}

/** Where a path leads to: shows each folder on the way, its owner, its mode and what it links to. */
const wayTo = (path: string) => `namei -l ${shellWord(path)}`;

/** Most file systems take names of 255 bytes, and the kernel takes paths of 4096. */
function tooLong(path: string): Fault {
  const folder = mountHolding(path);
  const name = path.split('/').find((part) => Buffer.byteLength(part) > 255);
  if (name === undefined) {
    return {
      message: `the path ${path} is too long, or a name in it is`,
      hint: `getconf PATH_MAX ${shellWord(folder)}; getconf NAME_MAX ${shellWord(folder)}`,
    };
  }
  return {
    message: `the name ${name} has ${Buffer.byteLength(name)} bytes, too long for the file system`,
    hint: `getconf NAME_MAX ${shellWord(folder)}`,
  };
}

/** Faults of the way to a file, whatever is done with it; undefined of any other error. */
export function pathFault(path: string, code: string): Fault | undefined {
  const mountPoint = mountHolding(path);
  const known: Record<string, () => Fault> = {
    ENAMETOOLONG: () => tooLong(path),
    ELOOP: () => ({ message: `${path} leads through a link, or through too many`, hint: wayTo(path) }),
    ENOTDIR: () => ({ message: `${path} leads through something that is not a folder`, hint: wayTo(path) }),
    EACCES: () => ({
      message: `this user may not reach ${path}`,
      hint: isRoot() ? wayTo(path) : 'run the same command with sudo',
    }),
    EIO: () => ({
      message: `the disk of ${mountPoint} reported an error at ${path}`,
      hint: asRoot('dmesg | tail'),
    }),
    ESTALE: () => ({
      message: `${mountPoint} no longer knows ${path}`,
      hint: `findmnt -T ${shellWord(mountPoint)}`,
    }),
    EMFILE: () => fileLimits.EMFILE,
    ENFILE: () => fileLimits.ENFILE,
    ENOMEM: () => ({ message: `the kernel has no memory left for ${path}`, hint: 'free -m' }),
  };
  return known[code]?.();
}

/** Faults of a write; undefined of an error that a write can only have by its path. */
function writeFault(path: string, code: string): Fault | undefined {
  const mountPoint = mountHolding(path);
  const folder = dirname(path);
  const known: Record<string, () => Fault> = {
    ENOSPC: () =>
      lacksInodes(mountPoint)
        ? { message: `no inodes left on ${mountPoint} for ${path}`, hint: `df -i ${shellWord(mountPoint)}` }
        : {
            message: `no space left on ${mountPoint} while writing ${path}`,
            hint: `df -h ${shellWord(mountPoint)}`,
          },
    EDQUOT: () => ({
      message: `the quota on ${mountPoint} is used up; ${path} could not be written`,
      hint: asRoot(`repquota -ugs ${shellWord(mountPoint)}`),
    }),
    EROFS: () => ({
      message: `${mountPoint} is mounted read-only; ${path} could not be written`,
      hint: readOnlyFix(mountPoint),
    }),
    ENOENT: () => ({
      message: `the folder of ${path} does not exist`,
      hint: `mkdir -p ${shellWord(folder)}`,
    }),
    EACCES: () => ({
      message: `${path} cannot be written`,
      hint: isRoot() ? wayTo(path) : 'run the same command with sudo',
    }),
    EPERM: () => ({
      message: `${path} cannot be written`,
      hint: `lsattr -d ${shellWord(folder)}${existsSync(path) ? ` ${shellWord(path)}` : ''}`,
    }),
    EFBIG: () => ({
      message: `${path} would exceed the file size limit of this process`,
      hint: 'ulimit -f unlimited, then run the same command again',
    }),
    EBUSY: () => ({
      message: `${path} is a mount point, or in use by the kernel`,
      hint: `findmnt ${shellWord(path)}`,
    }),
    EEXIST: () => ({ message: `${path} already exists`, hint: `ls -ld ${shellWord(path)}` }),
    EISDIR: () => ({ message: `${path} is a folder`, hint: `ls -ld ${shellWord(path)}` }),
    // Only of a folder that gets its name once it is complete.
    ENOTEMPTY: () => madeMeanwhile(path),
    EXDEV: () => ({
      message: `${path} is on another file system than its temporary file`,
      hint: `df ${shellWord(path)}`,
    }),
  };
  return known[code]?.();
}

/** Another process was faster: what it made stays as it is. */
function madeMeanwhile(path: string): Fault {
  const is = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? 'folder' : 'file';
  return {
    message:
      `another process made the ${is} ${path} meanwhile; it stays as it is, and this command has put ` +
      'nothing in its place',
    hint: `ls -la ${shellWord(path)}`,
  };
}

/** The same for whoever has seen it without the kernel's error. */
export function otherMade(path: string): IvaapError {
  const { message, hint } = madeMeanwhile(path);
  return new IvaapError('failed', message, { hint });
}

/** A failed write, explained; our own errors pass unchanged. */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof IvaapError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  const { message, hint } = writeFault(path, code) ??
    pathFault(path, code) ?? {
      message: `${path} could not be written: ${foreign(error.message)}`,
      hint: `findmnt -T ${shellWord(mountHolding(path))}`,
    };
  return new IvaapError('failed', message, { hint, cause: error });
}
