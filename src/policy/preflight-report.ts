import { IvaapError } from '../errors.ts';
import { foreignIfUnmarked } from '../foreign.ts';
import { shellWord } from '../shell-word.ts';

/**
 * What is reported of a check, whatever it measures. A guard protects data and blocks always; what would end
 * in an outage blocks each run that has still to start Helm, and may be waived; a health check blocks only a
 * run that starts fresh: a resumed one may be there to fix that very damage.
 */
export interface CheckDescription {
  /** What `--waive` names. */
  id: string;
  kind: 'guard' | 'outage' | 'health';
  title: string;
  /** What the measured value is compared with, as text. */
  limit: string;
  why: string;
  /** The one command or act that fixes it, where the finding names no better one. */
  fix: string;
}

/** Plain JSON, so that a report can be recorded. */
type Facts = Record<string, string | number | boolean | null | undefined>;

/** What one check found of one thing. */
export interface Measurement {
  /** Which one, where a check looks at several: a mount point, a route. */
  part?: string;
  outcome: 'ok' | 'warn' | 'fail';
  measured: string;
  /** Where it is computed, or another than the check's own. */
  limit?: string;
  /** The one command that fixes it, where it differs from the check's own. */
  fix?: string;
  /** The output of a program. */
  output?: string;
  data?: Facts;
}

export interface CheckResult {
  /** The check's id, with `:PART` where it looks at several things. */
  id: string;
  check: string;
  kind: CheckDescription['kind'];
  title: string;
  /** `warn`: near its limit, or a health check that failed and does not block this run. */
  status: 'ok' | 'warn' | 'fail' | 'waived';
  measured: string;
  limit: string;
  why: string;
  fix?: string;
  output?: string;
  data?: Facts;
  /** Failed, and does not block because the run resumes. */
  tolerated?: true;
  /** Reason of the waiver under which it does not block. */
  waiver?: string;
}

export interface Waiver {
  /** A check, or one part of it. */
  id: string;
  reason: string;
}

export interface PreflightReport {
  flow: 'install' | 'upgrade';
  at: string;
  /** Health checks do not block: the run resumes what an earlier one started, or applies again. */
  tolerant: boolean;
  results: CheckResult[];
}

export interface Judging {
  tolerant: boolean;
  waivers: readonly Waiver[];
}

const matches = (waiver: Waiver, check: string, id: string) => waiver.id === check || waiver.id === id;

/** What a measurement means for this run. */
export function judge(
  { id: check, kind, title, limit, why, fix }: CheckDescription,
  found: Measurement,
  { tolerant, waivers }: Judging,
): CheckResult {
  const { part, outcome, measured, output, data } = found;
  const id = part === undefined ? check : `${check}:${part}`;
  const waiver = waivers.find((one) => matches(one, check, id));
  const failed = outcome === 'fail';
  const waived = failed && waiver !== undefined;
  const tolerated = failed && !waived && kind === 'health' && tolerant;
  return {
    id,
    check,
    kind,
    title,
    status: waived ? 'waived' : tolerated ? 'warn' : outcome,
    measured,
    limit: found.limit ?? limit,
    why,
    ...(outcome === 'ok' ? {} : { fix: found.fix ?? fix }),
    output,
    data,
    ...(tolerated ? { tolerated } : {}),
    ...(waived ? { waiver: waiver.reason } : {}),
  };
}

/** Waivers that this report needed, by the ids of what they let pass. */
export function usedWaivers({ results }: PreflightReport): Waiver[] {
  return results.flatMap(({ id, waiver }) => (waiver === undefined ? [] : [{ id, reason: waiver }]));
}

/**
 * Throws `usage` for a waiver of a part that its check does not have: it would look as if something had been
 * accepted. Where the check could not run its parts are not known.
 */
export function assertWaiversMeant(waivers: readonly Waiver[], results: readonly CheckResult[]): void {
  for (const { id } of waivers.filter((waiver) => waiver.id.includes(':'))) {
    const [check = ''] = id.split(':', 1);
    const found = results.filter((result) => result.check === check);
    const parts = found.map((result) => result.id).filter((one) => one !== check);
    const notMeasured = parts.length === 0 && found.some(({ status }) => status !== 'ok');
    if (parts.includes(id) || notMeasured) continue;
    throw new IvaapError('usage', `--waive ${id}: the check ${check} has no such part`, {
      hint: `what can be waived: ${[check, ...parts].join(', ')}`,
    });
  }
}

/** Ids that an operator may waive: every health check, and the guards that the product's data allows. */
export function waivableIds(
  checks: readonly Pick<CheckDescription, 'id' | 'kind'>[],
  guards: readonly string[],
): string[] {
  return checks.filter(({ kind, id }) => kind !== 'guard' || guards.includes(id)).map(({ id }) => id);
}

interface Waivable {
  /** Ids of all checks, those of other flows too. */
  known: readonly string[];
  /** Ids of those that may be waived. */
  checks: readonly string[];
  /** Steps of the flow that may be waived in addition to checks. */
  steps: readonly string[];
}

/** Throws `usage` for a text that is not `ID=REASON`, whatever the product lets be waived. */
export function waiverOf(text: string): Waiver {
  const [id = '', ...rest] = text.split('=');
  const reason = rest.join('=').trim();
  if (id === '')
    throw new IvaapError('usage', `--waive ${text} names no check`, { hint: '--waive ID=REASON' });
  if (reason === '') {
    const message = `--waive ${id} needs a reason, which is recorded: --waive ${id}=REASON`;
    throw new IvaapError('usage', message, { hint: `--waive ${shellWord(id)}=REASON` });
  }
  return { id, reason };
}

/** Each as {@link waiverOf}. Throws `usage` for an unknown id, too, and for one that cannot be waived. */
export function parseWaivers(texts: readonly string[], { known, checks, steps }: Waivable): Waiver[] {
  const waivable = [...checks, ...steps];
  const refuse = (message: string) =>
    new IvaapError('usage', message, { hint: `what can be waived: ${waivable.join(', ')}` });
  return texts.map((text) => {
    const { id, reason } = waiverOf(text);
    const [check = ''] = id.split(':', 1);
    if (!steps.includes(id) && !known.includes(check)) throw refuse(`--waive ${id}: there is no such check`);
    if (!steps.includes(id) && !waivable.includes(check)) {
      throw refuse(`--waive ${id}: this check cannot be waived, it protects data`);
    }
    return { id, reason };
  });
}

/**
 * Throws `preflight` with all that blocks.
 */
export function assertPassed(
  { results }: Pick<PreflightReport, 'results'>,
  waivable: readonly string[],
): void {
  const failed = results.filter(({ status }) => status === 'fail');
  const [first] = failed;
  if (first === undefined) return;
  const output = failed.map((result) => foreignIfUnmarked(result.output ?? '')).filter((text) => text !== '');
  const fixes = failed.length === 1 ? [first.fix ?? ''] : failed.map(({ id, fix }) => `${id}: ${fix ?? ''}`);
  const accepted =
    failed.every(({ check }) => waivable.includes(check)) &&
    'To continue in spite of it, with a reason that is recorded: ' +
      `${failed.map(({ id }) => `--waive ${shellWord(id)}=REASON`).join(' ')}`;
  throw new IvaapError(
    'preflight',
    `${failed.length} of ${results.length} checks failed, nothing was changed: ` +
      `${failed.length === 1 ? summary(first) : failed.map(({ id }) => id).join(', ')}`,
    {
      // One of them needs no line of its own; of several each has one.
      ...(failed.length === 1 ? {} : { cause: chain(failed.map(summary)) }),
      hint: [...new Set(fixes), ...(accepted === false ? [] : [accepted])].join('\n'),
      ...(output.length === 0 ? {} : { output: output.join('\n') }),
    },
  );
}

const chain = ([message, ...rest]: readonly string[]): IvaapError | undefined =>
  message === undefined ? undefined : new IvaapError('preflight', message, { cause: chain(rest) });

const summary = ({ id, measured, limit }: CheckResult) => `${id}: ${measured} (limit: ${limit})`;
