import { resumable } from '../engine/run-record.ts';
import type { RunPlan } from '../engine/run-plan.ts';
import { planSteps } from '../engine/plan-steps.ts';
import type { JsonObject, Step } from '../engine/step.ts';
import { describeError, type IvaapError } from '../errors.ts';
import type { StepContext } from '../release/context.ts';
import type { FlowResult, FlowRun } from './run-flow.ts';
import type { FlowPorts } from '../session/ports.ts';

type PlanOptions<Ctx extends StepContext> = Pick<
  FlowRun<Ctx>,
  'flow' | 'ctx' | 'journal' | 'fresh' | 'opened' | 'redactor'
> & {
  ports: Pick<FlowPorts, 'signal'>;
  /** Empty where the run would be refused for what it is, not for what the host is like. */
  steps: readonly Step<Ctx>[];
  notes?: readonly string[];
  /** The first one gives the exit code. */
  refusals?: readonly IvaapError[];
};

/** What the run would do, step by step, without secrets. Read-only. Throws only when it is stopped. */
export async function planRun<Ctx extends StepContext>(options: PlanOptions<Ctx>): Promise<RunPlan> {
  const { flow, ctx, journal, fresh, opened, ports, redactor, steps } = options;
  const { product, payload } = opened;
  const spec = { flow, from: ctx.from, payloadDigest: payload.digest };
  const run = resumable(journal.run, spec, fresh) ? journal.run : undefined;
  const plan: RunPlan = {
    flow,
    product: product.title,
    from: ctx.from,
    to: ctx.to,
    run: run?.id ?? null,
    steps: await planSteps({ steps, ctx, run, signal: ports.signal }),
    room: roomOf(ctx),
    notes: [...(options.notes ?? [])],
    refusals: refusalsOf(options.refusals ?? []),
  };
  return redactor.value(plan);
}

/** A dry run's end: the plan, and the exit code of the run that it tells of. */
export async function planned<Ctx extends StepContext>(options: PlanOptions<Ctx>): Promise<FlowResult> {
  const plan = await planRun(options);
  const [refusal] = options.refusals ?? [];
  return {
    plan,
    lines: [],
    data: plan as unknown as JsonObject,
    ...(refusal === undefined ? {} : { refusal: options.redactor.error(refusal) }),
  };
}

function refusalsOf(errors: readonly IvaapError[]): RunPlan['refusals'] {
  return errors.map((error) => {
    const { code, exitCode, message, hint } = describeError(error);
    return { code, exitCode, message, ...(hint === undefined ? {} : { hint }) };
  });
}

/** As preflight has measured it. */
function roomOf({ preflight }: StepContext): RunPlan['room'] {
  const found = preflight?.results.filter(({ check }) => check === 'room') ?? [];
  return found.flatMap(({ id, status, limit, data }) => {
    const { neededBytes, freeBytes } = data ?? {};
    if (typeof neededBytes !== 'number') return [];
    return [
      {
        mountPoint: id.replace(/^room:/, ''),
        neededBytes,
        freeBytes: typeof freeBytes === 'number' ? freeBytes : null,
        enough: status === 'ok',
        what: limit.replace(/^[^:]*: /, ''),
      },
    ];
  });
}
