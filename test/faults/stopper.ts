import { readFileSync, statSync } from 'node:fs';
import type { State } from '../../src/engine/state.ts';

/**
 * `node stopper.ts ORDER`: a program of its own, run with real-time priority, that sends SIGSTOP to a run at
 * the instant its journal says that one of the steps is running, and prints `{ "step": ID }`; `{}` when the
 * run ended before.
 */
export interface StopOrder {
  /** As the machine sees it. */
  pid: number;
  /** state.json as the machine sees it. */
  state: string;
  /** Ids of steps, each with the attempts that it had before the run: an earlier attempt is not meant. */
  steps: Record<string, number>;
}

const pauseMs = 0.2;
const still = new Int32Array(new SharedArrayBuffer(4));
const pause = () => Atomics.wait(still, 0, 0, pauseMs);

function processState(pid: number): string {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'X';
  } catch {
    return 'X';
  }
}

const isGone = (pid: number) => 'ZX'.includes(processState(pid));

function runningStep({ state, steps }: StopOrder): string | undefined {
  const { run } = JSON.parse(readFileSync(state, 'utf8')) as State;
  if (run?.status !== 'running') return undefined;
  return Object.keys(steps).find((id) => {
    const record = run.steps[id];
    return record?.status === 'running' && record.attempts > (steps[id] ?? 0);
  });
}

/** Undefined when the run was faster: it continues. */
function stopAt(order: StopOrder): string | undefined {
  process.kill(order.pid, 'SIGSTOP');
  while (!'TtZX'.includes(processState(order.pid))) pause();
  const step = runningStep(order);
  if (step === undefined) process.kill(order.pid, 'SIGCONT');
  return step;
}

function carryOut(order: StopOrder): string | undefined {
  let seen = '';
  for (let count = 1; ; count += 1) {
    const file = statSync(order.state, { bigint: true, throwIfNoEntry: false });
    const mark = file === undefined ? '' : `${file.ino} ${file.mtimeNs}`;
    if (mark !== seen) {
      seen = mark;
      const step = runningStep(order) === undefined ? undefined : stopAt(order);
      if (step !== undefined) return step;
    }
    if (count % 500 === 0 && isGone(order.pid)) return undefined;
    pause();
  }
}

const order = process.argv[2];
if (import.meta.main && order !== undefined) {
  console.log(JSON.stringify({ step: carryOut(JSON.parse(order) as StopOrder) }));
}
