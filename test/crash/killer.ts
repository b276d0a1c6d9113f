import { readFileSync, readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { State } from '../../src/engine/state.ts';
import { placesOf } from './journal-places.ts';
import type { GraphName } from './journal-places.ts';

/** `process`: `ivaap` alone, its children live on; `tree`: all that it started goes with it. */
export type KillOf = 'process' | 'tree';

/**
 * `node killer.ts ORDER`: a program of its own, run with real-time priority, that sends SIGKILL at the
 * instant the journal names a place. It looks five thousand times a second and has the journal's next write
 * (an fsync at least) as its margin.
 */
export interface KillOrder {
  /** As the machine sees it. */
  pid: number;
  /** state.json as the machine sees it. */
  state: string;
  graph: GraphName;
  kill: KillOf;
  /** Undefined: at an instant, whatever the journal says. */
  place?: string;
  /** After the place was seen, or after the killer's start; default 0. */
  afterMs?: number;
}

/** Looked for that long, or until the process is gone. */
const limitMs = 300_000;
const pauseMs = 0.2;
const still = new Int32Array(new SharedArrayBuffer(4));

function gone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** Names of places, read only when the file is another one than before. */
function journal({ state, graph }: KillOrder): () => string[] {
  let seen = '';
  let places: string[] = [];
  return () => {
    const file = statSync(state, { bigint: true, throwIfNoEntry: false });
    if (file === undefined) return [];
    const mark = `${file.ino} ${file.mtimeNs}`;
    if (mark !== seen) {
      seen = mark;
      places = placesOf(JSON.parse(readFileSync(state, 'utf8')) as State, graph);
    }
    return places;
  };
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function children(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter((id) => id !== '')
        .map(Number),
    );
  } catch {
    return []; // Gone in the meantime.
  }
}

/**
 * All that descends from the process: each is stopped when it is found, so that none starts another unseen.
 */
function stopTree(root: number): number[] {
  const found: number[] = [];
  const queue = [root];
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    send(pid, 'SIGSTOP');
    found.push(pid);
    queue.push(...children(pid));
  }
  return found;
}

function kill({ pid, kill }: KillOrder): number {
  if (kill === 'process') {
    send(pid, 'SIGKILL');
    return 1;
  }
  const tree = stopTree(pid);
  for (const each of tree) send(each, 'SIGKILL');
  return tree.length;
}

/** Gives how many processes were sent SIGKILL: none when the process ended before. */
async function carryOut(order: KillOrder): Promise<number> {
  const { pid, place, afterMs = 0 } = order;
  const places = journal(order);
  const end = performance.now() + limitMs;
  const there = () => place === undefined || places().includes(place);
  for (let count = 1; !there(); count += 1) {
    if (count % 500 === 0 && (gone(pid) || performance.now() > end)) return 0;
    Atomics.wait(still, 0, 0, pauseMs);
  }
  if (afterMs > 0) await sleep(afterMs);
  return gone(pid) ? 0 : kill(order);
}

const order = process.argv[2];
if (import.meta.main && order !== undefined) {
  console.log(JSON.stringify({ killed: await carryOut(JSON.parse(order) as KillOrder) }));
}
