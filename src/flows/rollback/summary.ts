import type { RunResult } from '../../engine/run.ts';
import type { JsonObject } from '../../engine/step.ts';
import { readResult } from '../../backup/step-results.ts';
import type { RollbackContext } from '../../release/context.ts';
import { rollbackPgBackup } from '../../steps/rollback_pg_backup.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { FlowResult } from '../flow.ts';
import { emptiesDatabase, restoreNamed } from '../../backup/rollback-dump.ts';
import { losesData, undoneSteps } from './steps.ts';

/** What a rollback has undone, what it kept, and the command that begins with the step. */
export function rollbackSummary(ctx: RollbackContext, result: RunResult): FlowResult {
  const { product, to: version, step, undone, skipBackup } = ctx;
  const dump = readResult(rollbackPgBackup, result.outputs[rollbackPgBackup.id])?.pgDump;
  const left: JsonObject = Object.assign({}, ...Object.values(result.outputs));
  const { keptSecrets, removedData } = left;
  const data = (removedData as { to?: string } | undefined)?.to;
  const kept = (Array.isArray(left.keptFiles) ? left.keptFiles : []).map(String);
  const next = resumeCommand(ctx.install()!);
  const none = !losesData(undoneSteps(product, undone))
    ? 'none: the data stay as they are'
    : skipBackup
      ? 'none (--skip-backup)'
      : 'none: there were no data to dump';
  const rowsBack = dump === undefined ? undefined : restoreNamed(ctx, dump);
  return {
    lines: [
      `${product.title} ${version} was rolled back to ${step}: ` +
        'nothing of it is completely installed any more.',
      `  undone   ${undone.join(', ')}`,
      `  dump     ${dump === undefined ? none : `${dump.path} (SHA-256 ${dump.sha256})`}`,
      ...(data === undefined ? [] : [`  data     ${data} (the database's folder, not deleted)`]),
      ...(typeof keptSecrets === 'string'
        ? [`  secrets  ${keptSecrets} (0600, until an install is complete)`]
        : []),
      ...kept.map((path) => `  kept     ${path} (not as the install wrote it)`),
      `  next     ${next} (begins with ${step})`,
      ...(rowsBack === undefined || !emptiesDatabase(step)
        ? []
        : [`  rows     to bring them back once an install is complete: ${rowsBack}`]),
    ],
    data: {
      version,
      to: step,
      undone: [...undone],
      dump: dump?.path ?? null,
      dumpSha256: dump?.sha256 ?? null,
      removedData: data ?? null,
      keptSecrets: typeof keptSecrets === 'string' ? keptSecrets : null,
      keptFiles: kept,
      next,
      warnings: result.warnings,
    },
  };
}
