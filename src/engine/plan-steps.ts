import { causeChain } from '../errors.ts';
import { sortGraph } from './graph.ts';
import { assessRun, type Findings, reasonToRun } from './resume.ts';
import type { PlannedStep } from './run-plan.ts';
import type { RunRecord } from './state.ts';
import type { Step } from './step.ts';

export interface PlanStepsOptions<Ctx> {
  steps: readonly Step<Ctx>[];
  ctx: Ctx;
  /** The unfinished run that would be gone on with. */
  run: Readonly<RunRecord> | undefined;
  signal: AbortSignal;
  /** Of each step's preview; default a minute and a half. */
  timeoutMs?: number;
}

const defaultTimeoutMs = 90_000;

/**
 * The steps in their order with what each would do, decided as the run itself decides it. A preview that
 * fails or takes too long is reported as not known. Throws only the signal's reason.
 */
export async function planSteps<Ctx>(options: PlanStepsOptions<Ctx>): Promise<PlannedStep[]> {
  const { ctx, run, signal } = options;
  const steps = sortGraph(options.steps);
  const findings = run === undefined ? undefined : await assessRun(steps, ctx, run);
  const decided: { step: Step<Ctx>; planned: PlannedStep }[] = [];
  for (const step of steps) {
    signal.throwIfAborted();
    decided.push({ step, planned: await decide(step, ctx, run, findings) });
  }
  const previewed = decided.map(({ step, planned }) =>
    planned.action === 'run' && step.preview !== undefined && planned.notKnown === undefined
      ? withPreview(step, planned, options)
      : planned,
  );
  const all = await Promise.all(previewed);
  signal.throwIfAborted();
  return all;
}

async function decide<Ctx>(
  step: Step<Ctx>,
  ctx: Ctx,
  run: Readonly<RunRecord> | undefined,
  findings: Findings | undefined,
): Promise<PlannedStep> {
  const { id, title } = step;
  const base = { id, title, details: [], data: {} };
  const kept = findings?.kept.find((one) => one.step === id);
  if (kept !== undefined) return { ...base, action: 'done', summary: `completed ${kept.at}` };
  const record = run?.steps[id];
  const why =
    findings?.again.find((one) => one.step === id)?.why ??
    (record === undefined ? undefined : await reasonToRun(step, ctx, record, record.inputsHash));
  try {
    const { action, summary } = await step.plan(ctx);
    return { ...base, action, summary, why };
  } catch (error) {
    return { ...base, action: 'run', summary: title, why, notKnown: reasonOf(error) };
  }
}

async function withPreview<Ctx>(
  step: Step<Ctx>,
  planned: PlannedStep,
  { ctx, signal, timeoutMs = defaultTimeoutMs }: PlanStepsOptions<Ctx>,
): Promise<PlannedStep> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const limit = AbortSignal.any([signal, timeout]);
  const { promise: over, reject } = Promise.withResolvers<never>();
  limit.addEventListener('abort', () => reject(limit.reason), { once: true });
  try {
    limit.throwIfAborted();
    const preview = await Promise.race([step.preview?.(ctx, limit), over]);
    return { ...planned, ...preview };
  } catch (error) {
    const notKnown = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    return { ...planned, notKnown };
  }
}

const reasonOf = (error: unknown): string => causeChain(error).slice(0, 2).join(': ');
