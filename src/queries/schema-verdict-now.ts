import type { RunRecord } from '../engine/state.ts';
import { wayBackOf } from '../backup/way-back.ts';
import type { Known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { judgeSchema, schemaSentence, schemaVerdict } from '../policy/schema-verdict.ts';
import { askSchemaOnce } from '../release/schema-now.ts';
import type { HostTools } from '../session/host-tools.ts';
import type { StatusReport } from './status-schema.ts';

/**
 * What became of the schema since an unfinished upgrade first started Helm, asked now: a run that learnt
 * nothing may have ended seconds before the database came back. Where it does not answer, as last recorded.
 */
export async function schemaVerdictOf(
  product: Product,
  { host, state, signal }: { host: Known<HostTools>; state: StatusReport['state']; signal: AbortSignal },
): Promise<StatusReport['schemaVerdict']> {
  const value = state.known ? state.value : null;
  const { run } = value ?? {};
  if (value === null || !isUnfinishedUpgrade(run)) return null;
  const after = host.known
    ? await askSchemaOnce({ product, database: host.value.database }, signal)
    : { version: undefined, fingerprint: undefined, why: host.why };
  const now = judgeSchema(wayBackOf(value).schemaWas, after);
  const { found } = run?.pointOfNoReturn ?? {};
  const recorded = schemaVerdict.safeParse(found?.data).data;
  const isOlder = now.kind === 'unknown' && recorded !== undefined && recorded.kind !== 'unknown';
  const verdict = isOlder ? recorded : now;
  return {
    verdict: verdict.kind,
    text: schemaSentence(verdict),
    at: isOlder && found !== undefined ? found.at : new Date().toISOString(),
    differs: verdict.kind === 'changed' ? verdict.difference : null,
  };
}

const isUnfinishedUpgrade = (run: Readonly<RunRecord> | undefined): boolean =>
  run?.flow === 'upgrade' && run.pointOfNoReturn !== undefined && run.status !== 'completed';
