import type { ErrorCode } from '../errors.ts';
import { needsRestore, schemaSentence, type SchemaVerdict } from '../policy/schema-verdict.ts';

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
  schema: SchemaVerdict;
  /** Whether the health routes of the old release answer; undefined when they were not probed. */
  healthy: boolean | undefined;
  /** Major version of PostgreSQL that the data have since this upgrade; absent: the one from before. */
  newMajor?: number | undefined;
}

export interface Verdict {
  code: Extract<ErrorCode, 'failed' | 'rolled_back' | 'schema_moved'>;
  message: string;
}

/**
 * What a failed Helm upgrade means for the operator: whether the old release is back, and whether going back
 * is still possible.
 */
export function helmVerdict(found: HelmAftermath): Verdict {
  const { from, to } = found;
  const schema = schemaSentence(found.schema);
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
  if (found.newMajor !== undefined) {
    const sense =
      `The data are PostgreSQL ${found.newMajor}'s since then, which the server of ${from} cannot read: ` +
      `to run ${from} again, its own data folder has to come back. ` +
      'To go forward, fix the cause and run the same command again.';
    return { code: 'schema_moved', message: `the upgrade to ${to} failed. ${back}. ${schema} ${sense}` };
  }
  if (needsRestore(found.schema)) {
    const sense =
      'Rolling the chart back does not undo that: to run the old ' +
      'version again, the dump from before has to be restored. ' +
      'To go forward, fix the cause and run the same command again.';
    return { code: 'schema_moved', message: `the upgrade to ${to} failed. ${back}. ${schema} ${sense}` };
  }
  if (found.release === 'rolled-back' && found.schema.kind === 'unchanged' && found.healthy === true) {
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
