import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { State } from '../engine/state.ts';
import type { ProductPaths } from '../steps/paths.ts';
import { wayBack } from '../steps/restore_commands.ts';
import { dumpsOf } from './upgrade_backup.ts';
import { commandToGoOn } from './watch_run.ts';

/** Both ways out of the last run, from the state alone: they can be told again at any time, from any shell. */
export interface WaysOut {
  /** The command that goes on with a run that is not finished; null where it has completed. */
  forward: string | null;
  /** How to have the release and the database of before; empty where nothing that runs was changed, or nothing was kept. */
  back: string[];
  /** Of the run. */
  log: string | null;
}

export function waysOut(state: State, { installer }: Pick<ProductPaths, 'installer'>): WaysOut | null {
  const { run } = state;
  if (run === undefined) return null;
  const log = join(installer, 'logs', `${run.id}.jsonl`);
  const words = run.flow === 'upgrade' ? 'install --upgrade' : 'install';
  return {
    forward: run.status === 'completed' ? null : commandToGoOn(state, words),
    back: run.flow === 'upgrade' && run.pointOfNoReturn !== undefined ? backLines(state) : [],
    log: existsSync(log) ? log : null,
  };
}

function backLines(state: State): string[] {
  const { before, later } = dumpsOf(state);
  if (before === undefined) return [];
  const there = (path: string) => (existsSync(path) ? path : `${path} (it is not there any more)`);
  return [
    `Dump from before: ${there(before.path)}`,
    `SHA-256: ${before.sha256}`,
    ...(later === undefined ? [] : [`Taken after Helm had started: ${there(later.path)}`]),
    ...wayBack(before, state.run?.from ?? ''),
  ];
}
