import { helmResult } from '../../backup/upgrade-results.ts';
import { emptyState, type RunRecord, type State } from '../../engine/state.ts';
import { signerOf } from '../../payload/format/signature.ts';
import { oneText, sameRecordedVersion, sameVersion, schemeOf } from '../../version.ts';
import type { RepairFacts } from './facts.ts';
import { baseState, payloadOf } from './sources.ts';
import { keepInHistory, runId } from '../../engine/run-record.ts';

/** The state with this version as the installed one; what cannot be verified is listed as unknown. */
export function withVersion(facts: RepairFacts, version: string, deployedAt: string): State {
  const { evidence, state, opened, now } = facts;
  const base = state === undefined ? baseState(evidence.copies) : structuredClone(state);
  const draft = base ?? emptyState(opened.product.name, schemeOf(opened.product));
  const { digest, key, binary } = payloadOf(version, state, evidence.copies);
  const unknown = [...(digest === undefined ? ['payload'] : []), ...(key === undefined ? ['key'] : [])];
  if (facts.schemaNow === undefined) unknown.push('schema version');
  const completed = Number.isNaN(Date.parse(deployedAt)) ? now : new Date(deployedAt);
  draft.installed = {
    version,
    payloadDigest: digest ?? 'unknown',
    completedAt: new Date(Math.min(completed.getTime(), now.getTime())).toISOString(),
    key,
    binary,
  };
  return marked(facts, draft, unknown);
}

/** Closes the last run and records when and by whom the state was repaired. */
export function marked(
  { now, by, evidence, state, opened }: RepairFacts,
  draft: State,
  unknown: string[],
): State {
  const at = now.toISOString();
  const id = runId(at, 'repair-state');
  const [installedNow, before] = [draft.installed?.version ?? null, state?.installed?.version ?? null];
  if (draft.run !== undefined && !sameRecordedVersion(installedNow, before)) closeRun(draft, at);
  keepInHistory(draft, {
    id,
    flow: 'repair-state',
    from: state?.installed?.version ?? null,
    to: draft.installed?.version ?? opened.release.version,
    payloadDigest: draft.installed?.payloadDigest ?? 'unknown',
    startedAt: at,
    finishedAt: at,
    startedBy: by,
    status: 'completed',
  });
  draft.repair = { at, by, run: id, chart: evidence.chart?.version ?? null, unknown };
  return draft;
}

function closeRun(draft: State, at: string): void {
  const { run } = draft;
  if (run === undefined) return;
  const status = run.status === 'completed' ? run.status : 'superseded';
  keepInHistory(draft, { ...run, status, finishedAt: run.finishedAt ?? at });
  delete draft.run;
}

export function unfinishedUpgrade(
  facts: RepairFacts,
  { from, to, schema, revision }: { from: string; to: string; schema: number | undefined; revision: number },
): RunRecord {
  const run = unfinished(facts, { flow: 'upgrade', from, to });
  const data = { schemaVersion: schema ?? null, helmRevision: revision };
  return { ...run, pointOfNoReturn: { at: run.startedAt, step: helmResult.id, data, versions: [to] } };
}

/** An unfinished run of which nothing else is known: each of its steps runs again. */
export function unfinished(
  { opened, state, evidence, now, binary, program }: RepairFacts,
  { flow, from, to }: { flow: 'install' | 'upgrade'; from: string | null; to: string },
): RunRecord {
  const known = [state, ...evidence.copies.map((copy) => copy.state)]
    .map((one) => one?.run ?? one?.madeBy)
    .find(
      (run) =>
        run?.flow === flow && sameRecordedVersion(run.to, to) && sameRecordedVersion(run.from ?? null, from),
    );
  const own = sameVersion(to, opened.release.version);
  const at = now.toISOString();
  return {
    id: runId(at, flow),
    flow,
    from,
    to: oneText(to, schemeOf(opened.product)),
    payloadDigest: known?.payloadDigest ?? (own ? opened.payload.digest : 'unknown'),
    // The time of the repair: what its Helm did earlier must not count for this run.
    startedAt: at,
    finishedAt: at,
    status: 'failed',
    binary: known?.binary ?? (own ? binary : program),
    again: known?.again,
    key: known?.key === undefined && own ? signerOf(opened.payload.trailer) : known?.key,
    order: [],
    steps: {},
    error: { code: 'failed', message: 'how it ended is unknown: the state was lost' },
  };
}
