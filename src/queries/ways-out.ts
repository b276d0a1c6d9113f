import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { State } from '../engine/state.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import { wayBack } from '../backup/restore-commands.ts';
import { dumpLines, wayBackOf } from '../backup/way-back.ts';
import { chartOnDiskLines } from './way-back-text.ts';
import { runToMind } from '../release/uninstall-record.ts';
import { resumeCommand } from '../session/resume-command.ts';

/**
 * Both ways out of the last run, from the state alone: they can be printed again at any time, in any shell.
 */
export interface WaysOut {
  /** The command that resumes an unfinished run; null where it has completed. */
  forward: string | null;
  /** `forward` is an uninstall that has removed nothing: it stands against no other run. */
  nothingRemoved: boolean;
  /** Then the command to start an upgrade with, where this executable may upgrade what is installed. */
  instead: string | null;
  /**
   * How to restore the old release and database; empty where nothing that runs was changed, or nothing was
   * kept.
   */
  back: string[];
  /** Of the run. */
  log: string | null;
}

export function waysOut(
  state: State,
  paths: Pick<ProductPaths, 'installer' | 'chart' | 'overlay'>,
  program: string,
  mayUpgrade: boolean,
): WaysOut | null {
  const { run } = state;
  if (run === undefined) return null;
  const nothingRemoved = runToMind(state) === undefined;
  const log = join(paths.installer, 'logs', `${run.id}.jsonl`);
  return {
    // An uninstall whose state is still there has its own folder left to remove.
    forward: run.status === 'completed' && run.flow !== 'uninstall' ? null : resumeCommand(run),
    nothingRemoved,
    instead: nothingRemoved && mayUpgrade ? `${program} install --upgrade --preflight-only` : null,
    back: backLines(state, paths, program),
    log: existsSync(log) ? log : null,
  };
}

function backLines(state: State, paths: Pick<ProductPaths, 'chart' | 'overlay'>, program: string): string[] {
  if (state.run?.flow !== 'upgrade') return [];
  const way = wayBackOf(state);
  const { restore, later, from, helmStartedAt, snapshot } = way;
  const nothingKept = restore === undefined && later === undefined;
  if (helmStartedAt === undefined || nothingKept) return chartOnDiskLines(state, paths);
  return [
    ...dumpLines(way),
    ...(snapshot === undefined ? [] : [`State, values and Helm's records from before: ${snapshot}`]),
    ...(restore === undefined ? [] : wayBack(restore, from ?? '', program)),
    ...chartOnDiskLines(state, paths),
  ];
}
