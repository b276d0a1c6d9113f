import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cgroupProcesses } from './cgroup.ts';
import { collect, until } from './process.ts';
import type { Finished } from './process.ts';

/** Running programs inside a host, and finding its files and processes from outside. */

interface InsideOptions {
  /** Added to a login's bare environment; nothing of the caller's own is passed on. */
  env?: Record<string, string>;
  cwd?: string;
  /** Gives the program a terminal of this many columns (24 rows), its output and error in one stream. */
  tty?: { columns: number };
}

interface ExecOptions extends InsideOptions {
  input?: string;
  /** After this the program is killed and `signal` is SIGKILL. */
  timeoutMs?: number;
}

/**
 * A program that runs in a host. `pid()` is the program's own id as the machine sees it: killing it kills no
 * wrapper.
 */
interface InsideProcess {
  child: ChildProcess;
  pid(): Promise<number>;
}

function namespaceIds(pid: number | 'self'): string[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    if (/^State:\s+[ZX]/m.test(status)) return [];
    return /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split('\t') ?? [];
  } catch {
    return [];
  }
}

/** How many pid namespaces below this process another one is: 1 for a host's own programs, 2 for its pods. */
export function namespaceDepth(pid: number): number {
  return namespaceIds(pid).length - namespaceIds('self').length;
}

/** The host's pid 1 as the machine sees it; undefined when the host does not run. */
export function hostPid(name: string): number | undefined {
  return cgroupProcesses(name).find((pid) => namespaceDepth(pid) === 1 && namespaceIds(pid).at(-1) === '1');
}

function runningHost(name: string): number {
  const pid = hostPid(name);
  if (pid === undefined) throw new Error(`lab host ${name} does not run`);
  return pid;
}

/** Where a file of the host is found from outside, while the host runs. */
export const labPath = (name: string, path: string) => `/proc/${runningHost(name)}/root${path}`;

export const nsenter = '/usr/bin/nsenter';
/** Arguments of nsenter that enter a host's namespaces. */
export const enterArguments = (pid: number) => [`--target=${pid}`, ...namespaces, '--'];
const namespaces = ['--mount', '--uts', '--net', '--pid', '--ipc'];
const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

export function labSpawn(name: string, argv: readonly string[], options: InsideOptions = {}): InsideProcess {
  const env: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    ...(options.tty && { TERM: 'xterm-256color' }),
    ...options.env,
  };
  const command = options.tty
    ? [
        'script',
        '-qefc',
        `stty rows 24 cols ${options.tty.columns}; exec ${argv.map(quoted).join(' ')}`,
        '/dev/null',
      ]
    : argv;
  const child = spawn(
    nsenter,
    [
      ...enterArguments(runningHost(name)),
      'sh',
      '-c',
      'cd "$0" && exec "$@"',
      options.cwd ?? '/root',
      ...command,
    ],
    { env, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  // nsenter forks once to enter the pid namespace; its only child becomes the program.
  const pid = () =>
    until(
      5_000,
      () => {
        const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
        return children === '' ? undefined : Number(children.split(' ')[0]);
      },
      () => `${argv[0]} did not start`,
    );
  return { child, pid };
}

/** Runs a program in the host to its end, whatever that is. */
export async function labExec(
  name: string,
  argv: readonly string[],
  { input, timeoutMs = 120_000, ...options }: ExecOptions = {},
): Promise<Finished> {
  const { child, pid } = labSpawn(name, argv, options);
  const timer = setTimeout(() => {
    pid()
      .then((id) => process.kill(id, 'SIGKILL'))
      .catch(() => child.kill('SIGKILL'));
  }, timeoutMs);
  try {
    const finished = await collect(child, input);
    // nsenter repeats the signal that ended the program on itself, or says 128 + signal.
    return finished.code === 137 ? { ...finished, code: null, signal: 'SIGKILL' } : finished;
  } finally {
    clearTimeout(timer);
  }
}
