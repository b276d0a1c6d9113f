import type { ErrorCode } from '../errors.ts';

/** What was found after Helm failed. */
export interface HelmAftermath {
  from: string;
  to: string;
  /**
   * State of the release: `untouched` has no new revision; `rolled-back` is deployed again as before, and
   * that is what runs; `old-runs` has another status, yet everything runs as the old release describes it;
   * `unknown` could not be queried.
   */
  release: 'untouched' | 'rolled-back' | 'old-runs' | 'failed' | 'pending' | 'unknown';
  /** The release's status as Helm prints it. */
  releaseStatus: string;
  /** Schema versions, undefined where the database did not answer. */
  schemaBefore: number | undefined;
  schemaAfter: number | undefined;
  /** Whether the health routes of the old release answer; undefined when they were not probed. */
  healthy: boolean | undefined;
}

export interface Verdict {
  code: Extract<ErrorCode, 'failed' | 'rolled_back' | 'schema_moved'>;
  message: string;
}

/** One sentence on the schema: rolling a chart back does not undo a migration. */
export function schemaSentence(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined) {
    return (
      'Whether the database schema has moved is not known: the ' +
      'database was not queried, or did not answer.'
    );
  }
  return before === after
    ? `The database schema is unchanged (version ${before}).`
    : `The database schema has moved from version ${before} to ${after}.`;
}

/**
 * What a failed Helm upgrade means for the operator: whether the old release is back, and whether going back
 * is still possible.
 */
export function helmVerdict(found: HelmAftermath): Verdict {
  const { from, to, schemaBefore, schemaAfter } = found;
  const moved = schemaBefore !== undefined && schemaAfter !== undefined && schemaBefore !== schemaAfter;
  const unchanged = schemaBefore !== undefined && schemaBefore === schemaAfter;
  const schema = schemaSentence(schemaBefore, schemaAfter);
  const back = {
    untouched: `Helm refused it at once and changed nothing (the release is ${found.releaseStatus})`,
    'rolled-back': `Helm rolled the release back to ${from}`,
    'old-runs':
      `All workloads of ${from} run and are ready, but Helm's record ` +
      `does not say so (the release is ${found.releaseStatus})`,
    failed: `Helm did not bring ${from} back (the release is ${found.releaseStatus})`,
    pending: `Helm did not bring ${from} back (the release is ${found.releaseStatus})`,
    unknown: `Whether ${from} is back is not known (the release is ${found.releaseStatus})`,
  }[found.release];
  if (moved) {
    const sense =
      'Rolling the chart back does not undo that: to run the old ' +
      'version again, the dump from before has to be restored. ' +
      'To go forward, fix the cause and run the same command again.';
    return { code: 'schema_moved', message: `the upgrade to ${to} failed. ${back}. ${schema} ${sense}` };
  }
  if (found.release === 'rolled-back' && unchanged && found.healthy === true) {
    return {
      code: 'rolled_back',
      message: `the upgrade to ${to} failed. ${back}, and it answers. ${schema}`,
    };
  }
  const health =
    found.healthy === undefined
      ? ''
      : found.healthy
        ? ' The product answers.'
        : ' The product does not answer its health probes.';
  return { code: 'failed', message: `the upgrade to ${to} failed. ${back}.${health} ${schema}` };
}
