import type { RunResult } from '../../engine/run.ts';
import type { JsonObject, Returning } from '../../engine/step.ts';
import { lastResult, readResult } from '../../backup/step-results.ts';
import type { RestoreContext } from '../../release/context.ts';
import { restoreChart } from '../../steps/restore_chart.ts';
import { restoreFolder } from '../../steps/restore_folder.ts';
import { restorePgBackup } from '../../steps/restore_pg_backup.ts';
import { restoreSwap } from '../../steps/restore_swap.ts';
import { otherOnPathText } from '../../policy/other-on-path.ts';
import { sameRecordedVersion } from '../../version.ts';
import type { FlowResult } from '../flow.ts';
import { healthLines, waivedHealth } from '../health-summary.ts';

/** What a restore has brought back and kept, as text and as JSON. */
export function restoreSummary(ctx: RestoreContext, result: RunResult): FlowResult {
  const { product, target, from, to, program, onPath } = ctx;
  const out = <Out>(step: Returning<Out>) => readResult(step, result.outputs[step.id]);
  // One that was cut off behind the dump skips it when it goes on: the database has been stopped since.
  const dump = lastResult(ctx.run(), restorePgBackup)?.pgDump;
  const dumpText =
    dump === undefined
      ? `none (${ctx.run()?.steps[restorePgBackup.id]?.reason ?? 'skipped'})`
      : `${dump.path} (SHA-256 ${dump.sha256})`;
  const moved = out(restoreSwap)?.movedDatabase;
  const folder = out(restoreFolder)?.movedFolder?.path;
  const values = out(restoreChart)?.valuesBefore ?? null;
  const data: JsonObject = {
    from,
    version: to,
    undo: target.undo,
    dataOnly: target.dataOnly,
    chartOnly: target.chartOnly,
    dump: target.dump?.path ?? null,
    movedDatabase: moved ?? null,
    movedFolder: folder ?? null,
    dumpBefore: dump?.path ?? null,
    dumpBeforeSha256: dump?.sha256 ?? null,
    valuesBefore: values,
    onPath: onPath === undefined ? null : { ...onPath },
    waivedHealth: waivedHealth(ctx, result),
    warnings: result.warnings,
  };
  const what = target.dataOnly ? `The data of ${product.title} ${to} are` : `${product.title} ${to} is`;
  const since =
    target.folder !== null
      ? `in ${target.folder.live}, of PostgreSQL ${target.folder.major}, as it was when it was moved aside`
      : target.dump === null
        ? 'as before the restore'
        : `as of ${target.dump.takenAt}`;
  const undo = `to bring it back: ${program} restore --undo`;
  const valuesLines = values === null ? [] : [`  values   ${values} is your file from before`];
  const pathLines = onPath === undefined ? [] : [`  PATH     ${otherOnPathText(onPath, to)}`];
  const lines = target.chartOnly
    ? [
        `${what} back: nothing was done to the database.`,
        ...valuesLines,
        ...healthLines(ctx, result),
        ...pathLines,
        ...(sameRecordedVersion(from, to)
          ? []
          : [`  back     to bring ${from} back: ${program} restore --undo`]),
      ]
    : [
        `${what} back: the database is ${since}.`,
        target.folder === null
          ? `  database ${moved ?? ''} is the one from before; ${undo}`
          : folder === undefined
            ? '  folder   there was no data folder before'
            : `  folder   ${folder} is the data folder from before; ${undo}`,
        `  dump     ${dumpText}`,
        ...valuesLines,
        ...healthLines(ctx, result),
        ...pathLines,
        target.folder === null
          ? `  later    once the database from before is not needed any more: ${program} restore --discard`
          : '  later    no command removes that folder; once nobody needs it, remove it by hand',
      ];
  return { lines, data };
}
