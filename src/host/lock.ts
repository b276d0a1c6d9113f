import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldLock, Lock, LockHolder } from '../engine/lock.ts';
import { IvaapError } from '../errors.ts';
import type { Runner } from './runner.ts';
import { identityOf, isAlive } from './system.ts';
import { shellWord } from '../shell-word.ts';

export interface LockOptions {
  /** The lock file; its folder exists. Only an uninstall removes it: whoever gets it then looks again. */
  path: string;
  runner: Runner;
  /** Of this run. */
  command: string;
  /** As it was typed, to be typed again from any folder. */
  again?: string;
  version: string;
  by: string;
  /** A command that shows what the other run does. */
  hint: string;
  /**
   * Called each time the lock is found in the hands of a program whose run has died; `holder` is what that
   * run wrote. The lock is tried again when it resolves; it throws to give up.
   */
  whileOrphaned: (holder: LockHolder | undefined) => Promise<void>;
  /** Once it is released, the file says again what it said before. */
  leaveText?: boolean;
}

/** Exit code by which flock says "held by another": not 1, which is also its code for other trouble. */
const conflict = 75;
const nameless = 5;
const pauseMs = 200;

/**
 * A lock of the kernel on an open file: util-linux' flock takes it on a descriptor that we share with it, and
 * it lives until the last process that has the descriptor ends. A run that was killed leaves nothing to clean
 * up.
 */
export function flockLock(options: LockOptions): Lock {
  return {
    async acquire() {
      const { path, runner } = options;
      const descriptor = openLockFile(path);
      try {
        const argv = ['flock', '--nonblock', '--conflict-exit-code', String(conflict), '3'] as const;
        for (let attempt = 1; ; attempt += 1) {
          const { exitCode } = await runner.run([...argv], { inherit: [descriptor], okCodes: [0, conflict] });
          if (exitCode !== conflict) break;
          const holder = readHolder(path);
          if (holder !== undefined && isAlive(holder)) throw lockedBy(holder, options.hint);
          // A run that has just taken it has not written its name yet.
          if (attempt <= nameless) await sleep(pauseMs);
          else await options.whileOrphaned(holder);
        }
      } catch (error) {
        closeSync(descriptor);
        throw error;
      }
      if (isAt(path, descriptor)) return heldLock(descriptor, options);
      // Removed, while we waited for it, by the uninstall that held it.
      closeSync(descriptor);
      return this.acquire();
    },
  };
}

function openLockFile(path: string): number {
  try {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
    throw new Error('it is not a regular file');
  } catch (error) {
    throw new IvaapError('preflight', `the lock file ${path} cannot be opened`, {
      cause: error,
      hint: `check it and its folder: ls -ld ${shellWord(dirname(path))} ${shellWord(path)}`,
    });
  }
}

function isAt(path: string, descriptor: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const { ino, dev } = fstatSync(descriptor);
  return there?.ino === ino && there.dev === dev;
}

function heldLock(
  descriptor: number,
  { path, command, again, version, by, leaveText }: LockOptions,
): HeldLock {
  const holder: LockHolder = {
    ...identityOf(process.pid),
    command,
    again,
    version,
    since: new Date().toISOString(),
    by,
  };
  const before = leaveText === true ? readFileSync(path, 'utf8') : undefined;
  const write = (text = `${JSON.stringify(holder)}\n`) => {
    try {
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
      if (before !== undefined) write(before);
      closeSync(descriptor);
    },
  };
}

/**
 * What the lock file says; undefined when there is none or it says nothing. It may be about a run that has
 * ended.
 */
export function readHolder(path: string): LockHolder | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder>;
    return typeof holder.pid === 'number' ? (holder as LockHolder) : undefined;
  } catch {
    return undefined;
  }
}

function lockedBy({ command, version, pid, since, by, step }: LockHolder, hint: string): IvaapError {
  const where = step === undefined ? '' : `, at step ${step}`;
  const who = `"${command}" of ${version} (process ${pid}, since ${since}, by ${by})`;
  return new IvaapError('locked', `another run is in progress: ${who}${where}`, { hint });
}
