import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { State } from '../../src/engine/state.ts';
import type { TestHost } from '../e2e/host.ts';
import { operatorEnvironment } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import { labPath, labSpawn } from '../lab/host.ts';
import { collect } from '../lab/process.ts';
import type { Finished } from '../lab/process.ts';
import { placesOf } from './journal-places.ts';
import type { GraphName } from './journal-places.ts';
import { rolledBackTo } from './places.ts';
import type { KillOrder } from './killer.ts';

/** A run that was to be killed, and what it left. */
export interface Killed {
  /** Ended by SIGKILL, and the journal names the wanted place still. */
  hit: boolean;
  /** Ended by SIGKILL. */
  died: boolean;
  run: Finished;
  /** From the command to its end. */
  seconds: number;
  /** How many processes got the signal. */
  processes: number;
  /** The journal's places after the death. */
  places: string[];
  /** Undefined where the run had not made it yet. */
  state: State | undefined;
}

export interface Aim extends Pick<KillOrder, 'kill' | 'place' | 'afterMs'> {
  graph: GraphName;
}

const stateFile = '/opt/ivaap/.installer/state.json';

/** Where the uninstall puts what it keeps. */
export const lastFolder = '/root/ivaap-last';

/** The command of a flow, as the operator types it again and again. */
export const commands: Record<GraphName, readonly string[]> = {
  upgrade: ['install', '--upgrade'],
  install: ['install', '--fqdn', 'ivaap.example.com', '--license', '/root/license.json', '--yes'],
  uninstall: ['uninstall', '--confirm', 'ivaap', '--dump-to', lastFolder],
  rollback: ['install', '--rollback-to', rolledBackTo, '--accept-data-loss', '--yes'],
  restore: ['restore', '--confirm', 'ivaap'],
  rehearse: ['install', '--upgrade', '--rehearse'],
};

/** The package whose executable is killed and run again; an install is undone by the one that made it. */
export const versions: Record<GraphName, string> = {
  upgrade: '2026.2',
  install: '2026.2',
  rollback: '2026.1',
  uninstall: '2026.2',
  restore: '2026.2',
  rehearse: '2026.2',
};

/**
 * Types the command in the package's folder without waiting for its end; `pid` is the program's own, as the
 * machine sees it.
 */
export async function typeCommand(host: TestHost, graph: GraphName) {
  const folder = (await host.package(versions[graph])).replace(/\/ivaap$/, '');
  const inside = labSpawn(host.name, ['./ivaap', ...commands[graph]], {
    cwd: folder,
    env: operatorEnvironment,
  });
  const ended = collect(inside.child);
  return { pid: await inside.pid(), child: inside.child, ended };
}

/** Starts the run and has it killed as aimed. */
export async function runAndKill(host: TestHost, aim: Aim): Promise<Killed> {
  const { pid, child, ended } = await typeCommand(host, aim.graph);
  const startedAt = performance.now();
  const order: KillOrder = { ...aim, pid, state: labPath(host.name, stateFile) };
  const argv = ['-f', '10', process.execPath, join(import.meta.dirname, 'killer.ts'), JSON.stringify(order)];
  const killer = collect(spawn('chrt', argv));
  const { stdout, stderr, code } = await killer;
  // A tree is stopped before it is killed. nsenter may have seen that and stopped itself, as it does with
  // what it started: it would never tell the end.
  const wake = setInterval(() => child.kill('SIGCONT'), 100);
  const run = await ended.finally(() => clearInterval(wake));
  const seconds = (performance.now() - startedAt) / 1000;
  if (code !== 0) throw new Error(`the killer failed: ${stderr}`);
  const { killed } = JSON.parse(stdout) as { killed: number };
  const state = await readState(host).catch(() => undefined);
  const places = state === undefined ? [] : placesOf(state, aim.graph);
  const died = run.signal === 'SIGKILL' || run.code === 137;
  const hit = killed > 0 && died && (aim.place === undefined || places.includes(aim.place));
  return { hit, died, run, seconds, processes: killed, places, state };
}
