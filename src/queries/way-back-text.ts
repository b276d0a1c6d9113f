import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { State } from '../engine/state.ts';
import { notDumped } from '../backup/dump-files.ts';
import { chartSwapResult, helmResult } from '../backup/upgrade-results.ts';
import { hasCompleted } from '../backup/step-results.ts';
import { dumpText, type WayBack, wayBackOf } from '../backup/way-back.ts';
import type { ProductPaths } from '../release/product-paths.ts';

const after = 'taken after Helm had started';

/**
 * Dumps and snapshots of an upgrade, the ones from before Helm started first: for the summary and for
 * `status`.
 */
export function wayBackLines(way: WayBack): string[] {
  const { before, later, restored, skipped, snapshot, laterSnapshot, helmStartedAt: started } = way;
  const main = restored ? later : before;
  const none =
    skipped === undefined
      ? 'none'
      : 'none: there is no dump ' +
        `${started === undefined ? 'of this upgrade' : 'from before Helm started'} ` +
        `(--skip-backup${skipped.by === undefined ? '' : ` by ${skipped.by}`}, ${skipped.at})`;
  return [
    `backup   ${main?.path ?? none}${restored ? ' (taken after the database was restored)' : ''}`,
    ...(main?.otherDatabases === undefined ? [] : [`         ${notDumped(main.otherDatabases)}`]),
    ...(restored && before !== undefined ? [`earlier  ${dumpText(before, started)}`] : []),
    ...(restored || later === undefined ? [] : [`later    ${dumpText(later, started)}${laterText(way)}`]),
    `snapshot ${snapshot ?? 'none'} (state, values, Helm's records, old chart)`,
    ...(laterSnapshot === undefined ? [] : [`later    ${laterSnapshot} (snapshot, ${after})`]),
  ];
}

const laterText = ({ laterIsOldSchema, from }: WayBack): string =>
  laterIsOldSchema
    ? `: it has the old schema, so it also restores ${from}, with what was written since`
    : `: it cannot restore ${from}, which needs the schema from before`;

/**
 * A warning while an unfinished upgrade's chart is already in the place of the old one: Helm run by hand on
 * that folder would upgrade. Otherwise empty.
 */
export function chartOnDiskLines(
  state: Pick<State, 'run' | 'anchors' | 'skippedBackups'>,
  paths: Pick<ProductPaths, 'chart' | 'overlay'>,
): string[] {
  const { run } = state;
  const { chart, snapshot, from } = wayBackOf(state);
  if (run === undefined || chart === undefined || run.status === 'completed') return [];
  const swapped = run.steps[chartSwapResult.id]?.status;
  if (swapped !== 'completed' && swapped !== 'stale') return [];
  if (hasCompleted(run, helmResult)) return [];
  const overlay = snapshot === undefined ? undefined : join(snapshot, basename(paths.overlay));
  const old = [chart, ...(overlay !== undefined && existsSync(overlay) ? [overlay] : [])];
  return [
    `On disk, ${paths.chart} and the values overlay are already those ` +
      `of ${run.to}: Helm run by hand on them would upgrade.`,
    `Those of ${from ?? 'before'} are kept: ${old.join(', ')}`,
  ];
}
