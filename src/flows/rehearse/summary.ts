import { readResult } from '../../backup/step-results.ts';
import type { RunResult } from '../../engine/run.ts';
import type { Returning } from '../../engine/step.ts';
import type { RehearsalContext } from '../../release/context.ts';
import { rehearsalSentence } from '../../policy/rehearsal-text.ts';
import { rehearseMigrate } from '../../steps/rehearse_migrate.ts';
import { rehearsePgBackup } from '../../steps/rehearse_pg_backup.ts';
import type { FlowResult } from '../flow.ts';

/** What a rehearsal has found, as text and as JSON. */
export function rehearsalSummary(ctx: RehearsalContext, result: RunResult): FlowResult {
  const { product, from, to, again, journal } = ctx;
  const out = <Out>(step: Returning<Out>) => readResult(step, result.outputs[step.id]);
  const rehearsal = out(rehearseMigrate)?.rehearsal;
  const dump = out(rehearsePgBackup)?.rehearsalDump;
  const { rehearsed } = journal.state;
  return {
    data: {
      from,
      to,
      schema: rehearsal?.schema ?? null,
      seconds: rehearsal?.seconds ?? null,
      rows: rehearsal?.rows ?? null,
      dump: dump?.path ?? null,
      dumpSha256: dump?.sha256 ?? null,
      warnings: result.warnings,
    },
    lines: [
      `The upgrade ${from} -> ${to} of ${product.title} was rehearsed on a copy; what runs was not changed.`,
      `  result   ${rehearsed === undefined ? 'not known' : rehearsalSentence(rehearsed)}`,
      `  dump     ${dump?.path ?? ''} (SHA-256 ${dump?.sha256 ?? ''}), verified by restore`,
      `  next     ${again({ without: ['--rehearse'] })}`,
    ],
  };
}
