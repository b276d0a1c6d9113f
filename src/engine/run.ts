import { describeError, IvaapError } from '../errors.ts';
import { attemptStep } from './attempt.ts';
import { hashJson } from './canonical-json.ts';
import { type EngineEvent, eventsVersion } from './events.ts';
import { stepError, stopError } from './failure.ts';
import { dependantsOf, sortGraph } from './graph.ts';
import type { Journal, RunEnd } from './journal.ts';
import type { HeldLock } from './lock.ts';
import type { Report, Reporter } from './reporter.ts';
import { assessRun, type Assessed, resumedEvent } from './resume.ts';
import type { RunSpec, Suspends } from './run-record.ts';
import type { JsonObject, Step } from './step.ts';
import { inStep } from './step-scope.ts';

export interface RunOptions<Ctx> {
  run: RunSpec;
  /** What the start of the run says of product, package and host. */
  about?: Pick<Extract<EngineEvent, { type: 'run.started' }>, 'product' | 'host' | 'package'>;
  steps: readonly Step<Ctx>[];
  ctx: Ctx;
  journal: Journal;
  /** Takes secrets out of events, recorded errors and the thrown error. */
  reporter: Reporter;
  /**
   * Aborted by SIGINT or SIGTERM with stopRequest() as the reason: nothing new starts, the running step is
   * waited for.
   */
  signal: AbortSignal;
  /** The command that resumes the run, as hints print it. */
  resume: string;
  /** Start again: an unfinished run is superseded, and the derived keys are cleared that steps name. */
  fresh?: boolean;
  /** The last run is suspended, not closed. */
  suspends?: Suspends | undefined;
  /** What its completion means, where it is not that its release is installed. */
  end?: RunEnd;
  /** Held by the caller; told which step is running. */
  lock?: Pick<HeldLock, 'working'>;
  /**
   * Awaited before the first step; `kept` are the completed steps that will be skipped. Its failure is the
   * run's.
   */
  onBegun?: (run: string, kept: string[]) => Promise<void>;
  /** Order in which steps that are free to start do start; tests shuffle it. */
  arrange?: (ready: string[]) => string[];
}

export interface RunResult {
  run: string;
  resumed: boolean;
  /** Ids in the order in which they ended. */
  ran: string[];
  skipped: string[];
  /** What the completed steps returned, now or in an earlier attempt. */
  outputs: Record<string, JsonObject>;
  durationsMs: Record<string, number>;
  durationMs: number;
  warnings: string[];
}

/**
 * Runs a graph of steps to its end. When one fails nothing new starts, running siblings are asked to stop and
 * waited for, and the first failure is thrown (IvaapError with `step`). A stop request ends in `interrupted`
 * or `terminated`. A wrong graph is a `bug`. Nothing is written before the graph is found right.
 */
export async function executeRun<Ctx>(options: RunOptions<Ctx>): Promise<RunResult> {
  const { journal, signal, reporter } = options;
  const { clock, redactor } = reporter;
  const report: Report = (event) => {
    if (event.type === 'step.started') options.lock?.working(event.step);
    reporter.report(event);
  };
  const steps = sortGraph(options.steps);
  const startedMs = clock.monotonicMs();
  const result: RunResult = {
    run: '',
    resumed: false,
    ran: [],
    skipped: [],
    outputs: {},
    durationsMs: {},
    durationMs: 0,
    warnings: [],
  };
  if (signal.aborted) throw stopError(signal.reason);

  const { resumed } = await journal.startRun(
    options.run,
    steps.map(({ id }) => id),
    {
      fresh: options.fresh,
      clears: steps.flatMap(({ clears = [] }) => clears),
      suspends: options.suspends,
    },
  );
  result.run = journal.run?.id ?? '';
  result.resumed = resumed;
  report({
    type: 'run.started',
    version: eventsVersion,
    run: result.run,
    flow: options.run.flow,
    from: options.run.from,
    to: options.run.to,
    resumed,
    by: options.run.startedBy,
    ...options.about,
    steps: steps.map(({ id, title, needs }) => {
      const status = journal.run?.steps[id]?.status;
      return { id, title, needs: [...needs], status };
    }),
  });

  const siblings = new AbortController();
  const stop = AbortSignal.any([signal, siblings.signal]);
  const waiting = new Map(steps.map((step) => [step.id, step]));
  const running = new Map<string, Promise<void>>();
  const ended = new Set<string>();
  let failure: IvaapError | undefined;
  let assessed: Assessed = new Map();
  try {
    let kept: string[] = [];
    if (resumed && journal.run) {
      const findings = await assessRun(steps, options.ctx, journal.run);
      assessed = findings.assessed;
      kept = findings.kept.map(({ step }) => step);
      report(resumedEvent(journal.run, findings));
    }
    await options.onBegun?.(result.run, kept);
  } catch (error) {
    failure =
      error instanceof IvaapError
        ? error
        : new IvaapError('bug', 'the run could not be started', { cause: error });
  }

  const start = async (step: Step<Ctx>): Promise<void> => {
    try {
      const outcome = await inStep(step.id, () =>
        attemptStep(step, {
          ctx: options.ctx,
          journal,
          report,
          assessed,
          clock,
          redactor,
          resume: options.resume,
          signal: step.finishes === true ? signal : stop,
          dependants: dependantsOf(steps, step.id),
          inputsHash: () => hashJson(step.inputs(options.ctx)),
          onWarning: (line) => result.warnings.push(line),
        }),
      );
      result[outcome.ran ? 'ran' : 'skipped'].push(step.id);
      if (outcome.out !== undefined) result.outputs[step.id] = outcome.out;
      result.durationsMs[step.id] = outcome.durationMs;
      ended.add(step.id);
    } catch (error) {
      failure ??= stepError(error, step.id, options.resume);
      siblings.abort(failure);
      // After a stop request they are stopped, too.
      for (const id of signal.aborted ? [] : running.keys()) {
        if (id === step.id || steps.find((one) => one.id === id)?.finishes !== true) continue;
        const line = `${step.id} failed; ${id} continues to its end, so that it need not run again`;
        report({ type: 'message', level: 'warning', line });
      }
    } finally {
      running.delete(step.id);
    }
  };

  while (waiting.size > 0 || running.size > 0) {
    if (failure === undefined && !signal.aborted) {
      const ready = [...waiting.values()].filter(({ needs }) => needs.every((need) => ended.has(need)));
      const ids = ready.map(({ id }) => id);
      for (const id of options.arrange?.(ids) ?? ids) {
        const step = waiting.get(id);
        if (!step) continue;
        waiting.delete(id);
        running.set(id, start(step));
      }
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }

  result.durationMs = clock.monotonicMs() - startedMs;
  if (failure === undefined && waiting.size === 0) {
    await journal.runCompleted(options.end);
    report({
      type: 'run.completed',
      run: result.run,
      to: options.run.to,
      durationMs: result.durationMs,
      ran: result.ran,
      skipped: result.skipped,
      warnings: result.warnings,
    });
    return result;
  }

  const ending = signal.aborted
    ? stopped(signal.reason, failure, {
        last: result.ran.at(-1),
        left: [...waiting.keys()],
        resume: options.resume,
      })
    : failure;
  const error = redactor.error(ending ?? new IvaapError('bug', 'the run ended without a result'));
  // The first failure is what the operator needs; a state file that cannot be written either is read as a
  // crash later.
  await journal
    .runFailed({
      code: error.code,
      message: error.message,
      step: error.step,
    })
    .catch(() => undefined);
  report({
    type: 'run.failed',
    run: result.run,
    durationMs: result.durationMs,
    error: describeError(error),
    warnings: result.warnings,
  });
  throw error;
}

/**
 * A stop request names the run's end, unless what the stopped step left behind matters more than why it
 * stopped.
 */
function stopped(
  reason: unknown,
  failure: IvaapError | undefined,
  { last, left, resume }: { last: string | undefined; left: readonly string[]; resume: string },
): IvaapError {
  if (failure?.code === 'rolled_back' || failure?.code === 'schema_moved') return failure;
  const error = stopError(reason, failure).with({ hint: resume });
  if (failure?.step === undefined) {
    if (last === undefined || left.length === 0) return error;
    return error.with({
      message: `${error.message} after step ${last}, which has completed; left to do: ${left.join(', ')}`,
    });
  }
  const { step, output } = failure;
  const message =
    `${error.message} in step ${step}: completed steps are kept, ` +
    'and unfinished work is never counted as complete';
  return error.with({ message, step, output });
}
