import type { Journal } from '../../engine/journal.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { sealedAt } from '../../backup/backup-folder.ts';
import { dumpToKeep } from '../../backup/kept-dump.ts';
import type { ProductPaths } from '../../release/product-paths.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import { upgradePgBackup } from '../../steps/upgrade_pg_backup.ts';
import { wayBackOf } from '../../backup/way-back.ts';
import { chartOnDiskLines } from '../../queries/way-back-text.ts';

/**
 * Records a skipped dump. `kept` are the steps whose results are used again: with a dump among them nothing
 * is skipped.
 */
export async function recordSkippedBackup(
  journal: Journal,
  ctx: UpgradeContext,
  run: string,
  kept: readonly string[],
): Promise<void> {
  const known = journal.state.skippedBackups.some((skipped) => skipped.run === run);
  const { helmStartedAt, before } = ctx.wayBack();
  const anchored = helmStartedAt !== undefined && before !== undefined;
  const there = anchored || kept.includes(upgradePgBackup.id) || dumpToKeep(ctx) !== undefined;
  if (!ctx.skipBackup || known || there) return;
  await journal.update((draft, at) => {
    draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
  });
}

/**
 * Repairs a state file that is older than the host, such as a restored copy from the middle of this run: the
 * folder of its dump was sealed when Helm started. That start is recorded, so that the dump from before stays
 * the one from before.
 */
export async function recordFoundStart(
  journal: Journal,
  { wayBack }: Pick<UpgradeContext, 'wayBack'>,
  warn: (line: string) => void,
): Promise<void> {
  const { helmStartedAt, own } = wayBack();
  const at = own === undefined ? undefined : sealedAt(own.folder);
  if (helmStartedAt !== undefined || own === undefined || at === undefined) return;
  const { schemaVersion, folder } = own;
  await journal.pointOfNoReturn(upgradeHelm.id, { schemaVersion }, at.toISOString());
  warn(`the state file is older than this host: Helm started ${at.toISOString()}, when ${folder} was sealed`);
}

/**
 * Adds to a failure of an upgrade what matters for the way back: that there is no dump, and whose chart is on
 * disk.
 */
export function withWayBack(
  error: unknown,
  state: State,
  paths: Pick<ProductPaths, 'chart' | 'overlay'>,
): unknown {
  if (!(error instanceof IvaapError)) return error;
  const { skipped } = wayBackOf(state);
  const onDisk = chartOnDiskLines(state, paths);
  const note =
    skipped === undefined
      ? ''
      : `There is no dump of this upgrade (--skip-backup by ${skipped.by ?? 'unknown'}, ${skipped.at}).`;
  const message = note === '' ? error.message : `${error.message}. ${note}`.replace('..', '.');
  const lines = [...(error.wayBack ?? []), ...onDisk];
  return error.with({ message, wayBack: lines.length === 0 ? undefined : lines });
}
