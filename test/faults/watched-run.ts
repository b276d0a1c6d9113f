import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { State } from '../../src/engine/state.ts';
import type { TestHost } from '../e2e/host.ts';
import { operatorEnvironment } from '../e2e/host.ts';
import { labPath, labSpawn } from '../lab/host.ts';
import { collect, until } from '../lab/process.ts';
import type { Finished } from '../lab/process.ts';
import type { StopOrder } from './stopper.ts';

const version = '2026.2';
const stateFile = '/opt/ivaap/.installer/state.json';

/**
 * `install --upgrade` as the operator types it; `$run` stands for it in another way to start it, by a shell
 * that it replaces.
 */
const command = './ivaap install --upgrade';

interface Started {
  pid: number;
  /** The program on the machine that waits for it. */
  wrapper: number;
}

/** A run that is looked at, stopped and hurt from outside: by its journal, its processes and nothing else. */
export class WatchedRun {
  readonly host: TestHost;
  readonly pid: number;
  readonly finished: Promise<Finished>;
  ended: Finished | undefined;
  readonly #before: Record<string, number>;
  readonly #wrapper: number;
  #mayBeStopped = false;

  private constructor(
    host: TestHost,
    { pid, wrapper, finished, before }: Started & { finished: Promise<Finished>; before: State | undefined },
  ) {
    this.host = host;
    this.pid = pid;
    this.#before = attempts(before);
    // nsenter stops itself when its child is stopped, and lets the child continue when it continues itself.
    this.#wrapper = wrapper;
    const waker = setInterval(() => {
      if (!this.#mayBeStopped && isStopped(wrapper)) send(wrapper, 'SIGCONT');
    }, 100);
    this.finished = finished.then((result) => {
      clearInterval(waker);
      return (this.ended = result);
    });
  }

  static async start(host: TestHost, how = 'exec $run'): Promise<WatchedRun> {
    const folder = (await host.package(version)).replace(/\/ivaap$/, '');
    const before = readJournal(host);
    const { child, pid } = labSpawn(host.name, ['bash', '-c', how.replaceAll('$run', command)], {
      cwd: folder,
      env: operatorEnvironment,
    });
    const finished = collect(child);
    return new WatchedRun(host, { pid: await pid(), wrapper: child.pid ?? 0, finished, before });
  }

  journal(): State | undefined {
    return readJournal(this.host);
  }

  /**
   * Waits until one of the steps is running and stops the whole process there; undefined when the run ended
   * before. The caller lets it continue.
   */
  async stopAt(steps: readonly string[]): Promise<string | undefined> {
    const order: StopOrder = {
      pid: this.pid,
      state: labPath(this.host.name, stateFile),
      steps: Object.fromEntries(steps.map((id) => [id, this.#before[id] ?? 0])),
    };
    this.#mayBeStopped = true;
    const argv = ['-f', '10', process.execPath, join(import.meta.dirname, 'stopper.ts')];
    const { code, stdout, stderr } = await collect(spawn('chrt', [...argv, JSON.stringify(order)]));
    if (code !== 0) throw new Error(`the stopper failed: ${stderr}`);
    const { step } = JSON.parse(stdout) as { step?: string };
    this.#mayBeStopped = step !== undefined;
    // The same step is not meant twice in one run.
    if (step !== undefined) this.#before[step] = this.journal()?.run?.steps[step]?.attempts ?? 0;
    return step;
  }

  signal(name: NodeJS.Signals): void {
    send(this.pid, name);
  }

  /** Ids, as the machine sees them, of programs that the run started and whose command line matches. */
  programs(pattern: RegExp): number[] {
    return children(this.pid).filter((id) => pattern.test(commandLine(id)));
  }

  /** Waits for a program of the run; undefined when the run or the step ended before. */
  async program(step: string, pattern: RegExp): Promise<number | undefined> {
    for (let count = 1; this.ended === undefined; count += 1) {
      const [found] = this.programs(pattern);
      if (found !== undefined) return found;
      if (count % 20 === 0 && !this.isRunning(step)) return undefined;
      await sleep(1);
    }
    return undefined;
  }

  isRunning(step: string): boolean {
    return this.journal()?.run?.steps[step]?.status === 'running';
  }

  /** Stops the process where it is; it takes no further step until SIGCONT. */
  async freeze(): Promise<void> {
    this.#mayBeStopped = true;
    this.signal('SIGSTOP');
    await until(
      5_000,
      () => isStopped(this.pid),
      () => 'the run does not stop',
    );
  }

  /** Ends what is left of it: a stopped program would hold the host's disks. */
  abandon(): void {
    if (this.ended !== undefined) return;
    send(this.pid, 'SIGKILL');
    send(this.#wrapper, 'SIGKILL');
  }

  thaw(): void {
    this.#mayBeStopped = false;
    this.signal('SIGCONT');
  }
}

/** Or gone. */
const isStopped = (pid: number) => /^State:\s+[TtZX]/m.test(read(`/proc/${pid}/status`) || 'State: X');

export function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const readJournal = (host: TestHost): State | undefined => {
  const text = read(labPath(host.name, stateFile));
  return text === '' ? undefined : (JSON.parse(text) as State);
};

/** Only those of the run that may continue: another one counts again. */
function attempts(state: State | undefined): Record<string, number> {
  const run = state?.run;
  if (run?.flow !== 'upgrade' || run.to !== version || run.status === 'completed') return {};
  return Object.fromEntries(Object.entries(run.steps).map(([id, record]) => [id, record.attempts]));
}

const children = (pid: number) =>
  read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);

function commandLine(pid: number): string {
  try {
    readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}
