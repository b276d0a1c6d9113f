import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { IvaapError } from '../errors.ts';
import { asRoot } from '../shell-word.ts';

/** Who asked for this: the person behind sudo when there is one. */
export function operator(): { user: string; uid: number } {
  const uid = process.geteuid?.() ?? 0;
  const sudoUser = process.env['SUDO_USER'];
  const user =
    sudoUser !== undefined && /^[A-Za-z0-9._@\\-]{1,64}$/.test(sudoUser) ? sudoUser : userName(uid);
  return { user, uid };
}

function userName(uid: number): string {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.split(':')[2] === String(uid));
  return line?.split(':')[0] ?? `uid ${uid}`;
}

export const isRoot = (): boolean => process.geteuid?.() === 0;

/** Throws 'preflight' for anybody but root. `command` is what to type again, `why` what it needs root for. */
export function assertRoot(command: string, why: string): void {
  if (isRoot()) return;
  throw new IvaapError('preflight', `this command ${why} and needs root`, {
    hint: asRoot(command),
  });
}

/** Changes with every boot: a process id of an earlier boot means nothing. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Seconds since boot, sleep included: not affected by changes of the clock. */
export const uptimeSeconds = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);

/**
 * Clock ticks after boot at which a process started; undefined when it is gone or a zombie. With the id it
 * names a process for good.
 */
export function processStartTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

/** Names one process for good: an id alone may be given to another one, at the latest after a reboot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot. */
  startTime: number;
  bootId: string;
}

export const identityOf = (pid: number): ProcessIdentity => ({
  pid,
  startTime: processStartTime(pid) ?? 0,
  bootId: bootId(),
});

/** Whether the process that wrote it still runs: the same id after a reboot or a reuse is another process. */
export function isAlive(process: ProcessIdentity): boolean {
  return process.bootId === bootId() && processStartTime(process.pid) === process.startTime;
}

export interface Machine {
  cpus: number;
  memoryBytes: number;
  memoryAvailableBytes: number;
}

/** Processors that this process may use, and memory of the machine. */
export function machine(): Machine {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    memoryAvailableBytes: Number(available?.[1] ?? 0) * 1024,
  };
}
