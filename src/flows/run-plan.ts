import { resumable } from '../engine/run-record.ts';
import type { RunPlan } from '../engine/run-plan.ts';
import { planSteps } from '../engine/plan-steps.ts';
import type { JsonObject, Step } from '../engine/step.ts';
import { describeError, type IvaapError } from '../errors.ts';
import type { ToldNotes } from '../policy/release-notes.ts';
import type { Session } from '../session/session.ts';
import type { FlowContext, FlowResult } from './flow.ts';

interface PlanOptions<Ctx extends FlowContext> {
  flow: string;
  ctx: Ctx;
  /** Whether a new run is started in any case. */
  fresh: boolean;
  /** Empty where the package itself is refused, whatever the state of the host. */
  steps: readonly Step<Ctx>[];
  stake?: readonly string[] | undefined;
  notes?: readonly string[];
  releaseNotes?: ToldNotes[] | undefined;
  rehearsed?: string | undefined;
  /** The first one gives the exit code. */
  refusals?: readonly IvaapError[];
}

/** What the run would do, step by step, without secrets. Read-only. Throws only when it is stopped. */
export async function planRun<Ctx extends FlowContext>(
  session: Session,
  options: PlanOptions<Ctx>,
): Promise<RunPlan> {
  const { flow, ctx, fresh, steps } = options;
  const { product, payload, signal, redactor } = session;
  const journal = await session.journal();
  const spec = { flow, from: ctx.from, payloadDigest: ctx.runDigest ?? payload.digest };
  const run = resumable(journal.run, spec, fresh) ? journal.run : undefined;
  const plan: RunPlan = {
    flow,
    product: product.title,
    from: ctx.from,
    to: ctx.to,
    run: run?.id ?? null,
    steps: await planSteps({ steps, ctx, run, signal }),
    room: roomOf(ctx),
    stake: [...(options.stake ?? [])],
    notes: [...(options.notes ?? [])],
    releaseNotes: options.releaseNotes ?? [],
    rehearsed: options.rehearsed ?? null,
    refusals: refusalsOf(options.refusals ?? []),
  };
  return redactor.value(plan);
}

/** The result of a dry run: the plan, and the exit code of the run that it describes. */
export async function planned<Ctx extends FlowContext>(
  session: Session,
  options: PlanOptions<Ctx>,
): Promise<FlowResult> {
  const plan = await planRun(session, options);
  const [refusal] = options.refusals ?? [];
  return {
    plan,
    lines: [],
    data: plan as unknown as JsonObject,
    refusal: refusal === undefined ? undefined : session.redactor.error(refusal),
  };
}

function refusalsOf(errors: readonly IvaapError[]): RunPlan['refusals'] {
  return errors.map((error) => {
    const { code, exitCode, message, hint } = describeError(error);
    return { code, exitCode, message, hint };
  });
}

/** As preflight measured it. */
function roomOf({ preflight }: FlowContext): RunPlan['room'] {
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
