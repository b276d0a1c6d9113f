import { describeError, IvaapError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { stepError, stopError } from './failure.ts';
import type { Journal } from './journal.ts';
import type { Redactor } from './redact.ts';
import type { Report } from './reporter.ts';
import { type Assessed, reasonToRun } from './resume.ts';
import type { JsonObject, Returning, Step, StepIo } from './step.ts';

/** The place of a step whose result was verified and is not yet recorded as completed. */
const verifiedPlace = 'verified';

export interface AttemptOptions<Ctx> {
  ctx: Ctx;
  journal: Journal;
  report: Report;
  signal: AbortSignal;
  clock: Clock;
  /** All steps whose recorded results depend on this one's. */
  dependants: Set<string>;
  redactor: Redactor;
  /** The command that resumes the run. */
  resume: string;
  /** What was found when the run resumed. */
  assessed: Assessed;
  inputsHash(): string;
  onWarning(line: string): void;
}

export interface Outcome {
  /** False when it was complete already or had nothing to do. */
  ran: boolean;
  out: JsonObject | undefined;
  durationMs: number;
}

/**
 * One step, its turn having come: reused when a verified record with the same inputs says that it is done,
 * skipped when its plan has nothing to do, run otherwise. Throws what the step threw, after it is recorded.
 */
export async function attemptStep<Ctx>(step: Step<Ctx>, options: AttemptOptions<Ctx>): Promise<Outcome> {
  const { ctx, journal, report, clock, signal } = options;
  const { id, title } = step;
  const startedMs = clock.monotonicMs();
  const elapsed = () => clock.monotonicMs() - startedMs;
  let recordedAsRunning = false;
  try {
    const inputsHash = options.inputsHash();
    const record = journal.run?.steps[id];
    const why =
      record === undefined ? undefined : await reasonToRun(step, ctx, record, inputsHash, options.assessed);
    if (record !== undefined && why === undefined) {
      const reason = `completed ${record.finishedAt ?? ''}`;
      report({ type: 'step.skipped', step: id, title, because: 'completed', reason });
      return { ran: false, out: record.out, durationMs: elapsed() };
    }

    const facts = { inputsHash, revision: step.revision };
    const plan = await step.plan(ctx);
    signal.throwIfAborted();
    if (plan.action === 'skip') {
      // Only a result that goes away invalidates what was built on it.
      const stale = record?.out === undefined ? [] : options.dependants;
      await journal.stepSkipped(id, plan.summary, facts, stale);
      report({
        type: 'step.skipped',

        step: id,
        title,
        because: 'nothing-to-do',
        reason: plan.summary,
      });
      return { ran: false, out: undefined, durationMs: elapsed() };
    }

    await journal.stepRunning(id, facts, options.dependants);
    recordedAsRunning = true;
    report({ type: 'step.started', step: id, title, why });
    const io: StepIo = {
      signal,
      checkpoint: (name) => journal.stepPassed(id, name),
      progress: (progress) => report({ type: 'step.progress', step: id, ...progress }),
      log: (line) => report({ type: 'step.log', step: id, line }),
      note: (line) => report({ type: 'message', level: 'info', line: `${id}: ${line}` }),
      say: (line) => report({ type: 'step.warning', step: id, line }),
      warn: (line) => {
        options.onWarning(line);
        report({ type: 'step.warning', step: id, line });
      },
      remind: options.onWarning,
      tell: (fact) => report({ ...fact, step: id }),
      async waived(waiver) {
        await journal.stepWaived(id, waiver);
        report({ type: 'step.waived', step: id, ...waiver });
      },
      record: (data) => journal.stepRecorded(id, data),
      recordOriginal: (data) => journal.originalRecorded(id, data),
      get originals() {
        return journal.run?.originals ?? {};
      },
      pointOfNoReturn: (data) => journal.pointOfNoReturn(id, data),
      result: (other) => completedOut(journal, other),
      interrupted: journal.run?.steps[id]?.recorded,
    };
    const out = await step.run(ctx, io, plan);
    await step.verify?.(ctx, out);
    await journal.stepPassed(id, verifiedPlace);
    await journal.stepCompleted(id, out, step.undoes);
    report({ type: 'step.completed', step: id, title, durationMs: elapsed() });
    return { ran: true, out, durationMs: elapsed() };
  } catch (error) {
    const failure = attemptError(error, id, options);
    if (!recordedAsRunning && signal.aborted) throw failure;
    if (recordedAsRunning) {
      // A record that stays `running` is read as a crash: the same step runs again.
      const message = options.redactor.own(failure.message);
      await journal.stepFailed(id, { code: failure.code, message }).catch(() => undefined);
    } else report({ type: 'step.started', step: id, title });
    report({
      type: 'step.failed',

      step: id,
      title,
      durationMs: elapsed(),
      error: describeError(failure),
    });
    throw failure;
  }
}

/** A step that only did as it was asked when it stopped says why it was asked. */
function attemptError(
  error: unknown,
  id: string,
  { signal, resume }: Pick<AttemptOptions<unknown>, 'signal' | 'resume'>,
): IvaapError {
  const { reason } = signal;
  const obeyed =
    signal.aborted && (error === reason || (error instanceof Error && error.name === 'AbortError'));
  const failedStep = reason instanceof IvaapError ? reason.step : undefined;
  if (failedStep !== undefined && (obeyed || wasAskedToStop(error))) {
    return new IvaapError('failed', `stopped because step ${failedStep} failed`, { step: id });
  }
  return stepError(obeyed ? stopError(reason) : error, id, resume);
}

/**
 * Whether a program behind the error ended only because its signal stopped it: its own message would blame an
 * operator who asked nothing.
 */
function wasAskedToStop(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('reason' in current && current.reason === 'aborted') return true;
  }
  return false;
}

function completedOut<Out>(journal: Journal, step: Returning<Out>): Out | undefined {
  const record = journal.run?.steps[step.id];
  return record?.status === 'completed' ? step.out.parse(record.out) : undefined;
}
