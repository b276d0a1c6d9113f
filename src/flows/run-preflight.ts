import type { BoundCheck } from '../checks/check.ts';
import type { Reporter } from '../engine/reporter.ts';
import { causeChain, IvaapError } from '../errors.ts';
import {
  assertPassed,
  assertWaiversMeant,
  type CheckResult,
  judge,
  type Judging,
  type Measurement,
  type PreflightReport,
} from '../policy/preflight-report.ts';

/** What a flow checks before it starts, and how that is judged. */
export interface FlowChecks extends Judging {
  flow: PreflightReport['flow'];
  /** In the report's order. All of them use the signal, which is aborted when the last one has ended. */
  checks(signal: AbortSignal): readonly BoundCheck[];
  /** Checks that the operator may waive. */
  waivable: readonly string[];
}

export interface PreflightOutcome {
  /** Redacted. */
  report: PreflightReport;
  /** An error with all blockers; undefined where there are none. */
  blocked: IvaapError | undefined;
}

const title = 'Preflight';

/**
 * Runs all checks in parallel, each within its own time limit, and returns the report. Throws when it is
 * stopped, and `usage` for a waiver of something that no check has measured. The measurements are judged;
 * what is reported and kept is a redacted copy that is never read back.
 */
export async function runPreflight(
  checked: FlowChecks,
  { reporter, signal: stop }: { reporter: Reporter; signal: AbortSignal },
): Promise<PreflightOutcome> {
  const { flow, tolerant } = checked;
  const { report: tell, redactor, clock } = reporter;
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const started = performance.now();
  const task = { task: 'preflight', title } as const;
  tell({ type: 'task.started', ...task });
  const due = checked.checks(signal);
  const waiting = new Set(due.map(({ id }) => id));
  const progress = () => {
    const done = due.length - waiting.size;
    const note = [...waiting].join(', ');
    tell({
      type: 'task.progress',
      task: task.task,
      done,
      total: due.length,
      unit: 'checks',
      ...(note === '' ? {} : { note }),
    });
  };
  let results: CheckResult[];
  let report: PreflightReport;
  try {
    const found = await Promise.all(
      due.map(async (check) => {
        const { measured, thrown } = await measure(check, signal);
        waiting.delete(check.id);
        progress();
        return { results: [measured].flat().map((one) => judge(check, one, checked)), thrown };
      }),
    );
    stop.throwIfAborted();
    results = reportedOnce(found);
    assertWaiversMeant(checked.waivers, results);
    report = redactor.value({ flow, at: clock.now().toISOString(), tolerant, results });
    tell({ type: 'task.completed', ...task, durationMs: performance.now() - started });
    tell({ type: 'preflight.report', ...report });
  } catch (error) {
    tell({ type: 'task.failed', ...task, durationMs: performance.now() - started });
    throw error;
  } finally {
    ended.abort();
  }
  return { report, blocked: blockedBy(results, checked.waivable) };
}

function blockedBy(results: CheckResult[], waivable: FlowChecks['waivable']): IvaapError | undefined {
  try {
    assertPassed({ results }, waivable);
    return undefined;
  } catch (error) {
    if (error instanceof IvaapError) return error;
    throw error;
  }
}

interface Measured {
  measured: Measurement | Measurement[];
  /** Why it could not be measured. What several checks need is queried once, and fails for all of them. */
  thrown?: unknown;
}

/**
 * Reports a common cause only in the first check that failed for it. The others are unknown: a second failure
 * would only repeat it.
 */
function reportedOnce(found: readonly { results: CheckResult[]; thrown?: unknown }[]): CheckResult[] {
  const tellers = new Map<string, string>();
  return found.flatMap(({ results, thrown }) => {
    const [first] = results;
    if (thrown === undefined || first?.status !== 'fail') return results;
    const cause = causeChain(thrown).join('\n');
    const teller = tellers.get(cause);
    if (teller === undefined) {
      tellers.set(cause, first.id);
      return results;
    }
    const { output: _, ...rest } = first;
    return [{ ...rest, status: 'warn', measured: `not known: ${teller} failed`, fix: `see ${teller}` }];
  });
}

async function measure({ timeoutSeconds, measure: ask }: BoundCheck, outer: AbortSignal): Promise<Measured> {
  let timer: NodeJS.Timeout | undefined;
  const ended = (measured: string, fix?: string): Measurement => ({ outcome: 'fail', measured, fix });
  const late = 'see whether the host is overloaded (uptime), then run the same command again';
  const tooLate = new Promise<Measurement>((done) => {
    timer = setTimeout(
      () => done(ended(`no answer within ${timeoutSeconds} s`, late)),
      timeoutSeconds * 1000,
    );
    outer.addEventListener('abort', () => done(ended('stopped')), { once: true });
  });
  try {
    return { measured: await Promise.race([Promise.resolve().then(ask), tooLate]) };
  } catch (thrown) {
    return { measured: notMeasured(thrown), thrown };
  } finally {
    clearTimeout(timer);
  }
}

/** A refusal's message says what is wrong; after any other error the check could not be measured. */
function notMeasured(error: unknown): Measurement {
  const [first = 'unknown error', ...causes] = causeChain(error);
  const refused = error instanceof IvaapError && error.code === 'preflight';
  return {
    outcome: 'fail',
    measured: refused ? [first, ...causes].join(': ') : `could not be measured: ${first}`,
    fix: error instanceof IvaapError ? error.hint : undefined,
    output: error instanceof IvaapError ? error.output : undefined,
  };
}
