import type { State } from '../../engine/state.ts';
import { recordOf, sameVersion } from '../../version.ts';
import { pgDumpSchema } from '../../backup/dump-record.ts';
import { schemaMoveSchema } from '../../backup/upgrade-results.ts';
import type { StateCopy } from '../../queries/backups.ts';
import { keepInHistory } from '../../engine/run-record.ts';

/** What is known from the current state and from its copies in backups. */

/**
 * The newest copy without its run, whose end is unknown: the dump of that run becomes an anchor of the
 * version that it started from.
 */
export function baseState([newest]: readonly StateCopy[]): State | undefined {
  if (newest === undefined) return undefined;
  const draft = structuredClone(newest.state);
  const run = runOf(draft);
  if (run === undefined) return draft;
  const { derived } = run;
  draft.derived = { ...draft.derived, ...derived };
  const dump = pgDumpSchema.safeParse(derived.pgDump).data;
  if (run.from !== null && dump !== undefined) {
    const [key = run.from, before] = recordOf(draft.anchors, run.from) ?? [];
    const anchor = { at: dump.takenAt, run: run.id, derived };
    if (before === undefined) draft.anchors[key] = anchor;
    else if (before.run !== run.id) {
      const { earlier = [], ...latest } = before;
      draft.anchors[key] = { ...anchor, earlier: [...earlier, latest] };
    }
  }
  const { finishedAt: _, ...unended } = run;
  keepInHistory(draft, { ...unended, status: 'superseded', end: 'not known: the state was lost' });
  delete draft.run;
  delete draft.madeBy;
  return draft;
}

/**
 * The run of a state, or the one that made it where it is a copy, with what its completed steps had returned.
 */
function runOf({ run, madeBy }: State): State['madeBy'] {
  if (run === undefined) return madeBy;
  const derived: State['derived'] = {};
  for (const { status, out } of Object.values(run.steps))
    if (status === 'completed') Object.assign(derived, out);
  return { ...run, derived };
}

const all = (state: State | undefined, copies: readonly StateCopy[]): State[] => [
  ...(state === undefined ? [] : [state]),
  ...copies.map((copy) => copy.state),
];

/**
 * The payload and key of a version: only where all records agree. Without a record
 * of its key the last one that is known stays what a next file is compared with.
 */
export function payloadOf(
  version: string,
  state: State | undefined,
  copies: readonly StateCopy[],
): { digest: string | undefined; key: string | null | undefined; binary: string | undefined } {
  const states = all(state, copies);
  const isOf = (other: string | undefined) => other !== undefined && sameVersion(other, version);
  const installed = states.flatMap((one) => (isOf(one.installed?.version) ? [one.installed] : []));
  const runs = states.flatMap(({ run, madeBy }) => [run, madeBy].filter((one) => isOf(one?.to)));
  const ended = states.flatMap(({ history }) =>
    history.filter(({ to, status, flow }) => isOf(to) && status === 'completed' && flow !== 'repair-state'),
  );
  const digests = new Set(
    [...installed, ...runs, ...ended].flatMap((one) => (one === undefined ? [] : [one.payloadDigest])),
  );
  digests.delete('unknown');
  const keys = [...installed, ...runs, ...states.map((one) => one.installed)].map((one) => one?.key);
  return {
    digest: digests.size === 1 ? [...digests][0] : undefined,
    key: keys.find((key) => key !== undefined),
    binary: [...installed, ...runs].map((one) => one?.binary).find((path) => path !== undefined),
  };
}

/**
 * The version whose dump was restored although its upgrade had completed: the schema is back where that dump
 * has it, below where the upgrade had brought it. Undefined where the schema does not show that.
 */
export function broughtBack(
  { installed, derived, anchors }: State,
  schemaNow: number | undefined,
): { from: string; schema: number } | undefined {
  const after = schemaMoveSchema.safeParse(derived.schema).data?.after;
  if (installed === undefined || typeof after !== 'number' || schemaNow === undefined || schemaNow >= after) {
    return undefined;
  }
  const dumps = Object.entries(anchors).flatMap(([from, anchor]) => {
    const dump = pgDumpSchema.safeParse(anchor.derived.pgDump).data;
    const fits = dump?.schemaVersion === schemaNow && !sameVersion(from, installed.version);
    return fits ? [{ from, schema: schemaNow, at: dump.takenAt }] : [];
  });
  return dumps.sort((a, b) => a.at.localeCompare(b.at)).at(-1);
}

/** Schema versions that are recorded of a release: before an upgrade from it, and its own target. */
export function knownSchema(
  version: string,
  state: State | undefined,
  copies: readonly StateCopy[],
): { before: number | undefined; target: number | undefined } {
  const dumps = all(state, copies).flatMap((one) => {
    const run = runOf(one);
    const own = run?.from != null && sameVersion(run.from, version) ? run.derived.pgDump : undefined;
    const kept = Object.entries(one.anchors).flatMap(([from, { derived }]) =>
      sameVersion(from, version) ? [derived.pgDump] : [],
    );
    return [...kept, own].flatMap((value) => pgDumpSchema.safeParse(value).data ?? []);
  });
  const targets = all(state, copies).flatMap(({ run, madeBy, installed, derived }) => {
    if (installed === undefined || !sameVersion(installed.version, version)) return [];
    // Of the last completed upgrade; an active one may already have replaced it.
    if (((run ?? madeBy)?.status ?? 'completed') !== 'completed') return [];
    return schemaMoveSchema.safeParse(derived.schema).data?.target ?? [];
  });
  // A dump that was taken after Helm had started may be of the next release already: the oldest schema
  // counts.
  const before = dumps.length === 0 ? undefined : Math.min(...dumps.map((dump) => dump.schemaVersion));
  return { before, target: targets[0] };
}
