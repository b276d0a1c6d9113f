import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HeldLock, Lock, LockHolder } from '../engine/lock.ts';
import { IvaapError } from '../errors.ts';
import type { Runner } from './runner.ts';
import { bootId, processStartTime } from './system.ts';

export interface LockOptions {
  /** The lock file; its folder exists. It is never removed, so that all look at one inode. */
  path: string;
  runner: Runner;
  /** Of this run. */
  command: string;
  version: string;
  by: string;
  /** A command that shows what the other run does. */
  hint: string;
}

/** Exit code by which flock says "held by another": not 1, which is also its code for other trouble. */
const conflict = 75;

/**
 * A lock of the kernel on an open file: util-linux' flock takes it on a descriptor that we share with it, and it lives until the last
 * process that has the descriptor ends. A run that was killed leaves nothing to clean up.
 */
export function flockLock(options: LockOptions): Lock {
  return {
    async acquire() {
      const { path, runner } = options;
      const descriptor = openLockFile(path);
      try {
        const argv = ['flock', '--nonblock', '--conflict-exit-code', String(conflict), '3'] as const;
        const { exitCode } = await runner.run([...argv], { inherit: [descriptor], okCodes: [0, conflict] });
        if (exitCode === conflict) throw lockedBy(readHolder(path), path, options.hint);
      } catch (error) {
        closeSync(descriptor);
        throw error;
      }
      return heldLock(descriptor, options);
    },
  };
}

function openLockFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw new IvaapError('preflight', `the lock file ${path} cannot be opened`, {
      cause: error,
      hint: `look at it and its folder: ls -ld ${dirname(path)} ${path}`,
    });
  }
}

function heldLock(descriptor: number, { command, version, by }: LockOptions): HeldLock {
  const holder: LockHolder = {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? 0,
    bootId: bootId(),
    command,
    version,
    since: new Date().toISOString(),
    by,
  };
  const write = () => {
    try {
      const text = `${JSON.stringify(holder)}\n`;
      writeSync(descriptor, text, 0);
      ftruncateSync(descriptor, Buffer.byteLength(text));
    } catch {
      // The text is for messages; the lock holds without it, on a full disk too.
    }
  };
  write();
  let held = true;
  return {
    descriptor,
    working(step) {
      holder.step = step;
      if (held) write();
    },
    release() {
      if (!held) return;
      held = false;
      closeSync(descriptor);
    },
  };
}

/** What the lock file says; undefined when there is none or it says nothing. It may be about a run that has ended. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder>;
    return typeof holder.pid === 'number' ? (holder as LockHolder) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that wrote it still runs: the same id after a reboot or a reuse is another process. */
export function isAlive(holder: LockHolder): boolean {
  return holder.bootId === bootId() && processStartTime(holder.pid) === holder.startTime;
}

function lockedBy(holder: LockHolder | undefined, path: string, hint: string): IvaapError {
  if (holder === undefined) {
    return new IvaapError('locked', `another run holds the lock ${path}`, { hint });
  }
  const { command, version, pid, since, by, step } = holder;
  const who = `"${command}" of ${version} (process ${pid}, since ${since}, by ${by})`;
  const where = step === undefined ? '' : `, at step ${step}`;
  if (isAlive(holder)) return new IvaapError('locked', `another run is going on: ${who}${where}`, { hint });
  return new IvaapError('locked', `a program that was begun by ${who}${where}, which has died, still runs`, {
    hint: `wait until it has ended, then run the same command again; it is shown by: fuser -v ${path}`,
  });
}
