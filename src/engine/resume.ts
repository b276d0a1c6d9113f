import { causeChain } from '../errors.ts';
import { hashJson } from './canonical-json.ts';
import type { EngineEvent } from './events.ts';
import type { RunRecord, StepRecord } from './state.ts';
import type { Step } from './step.ts';

/**
 * Completed steps that were checked when the run resumed, and why each runs again if it does: none is asked
 * a second time.
 */
export type Assessed = ReadonlyMap<string, { why?: string }>;

type Resumed = Omit<Extract<EngineEvent, { type: 'run.resumed' }>, 'at'>;
export type Findings = Pick<Resumed, 'kept' | 'again' | 'found' | 'left'> & { assessed: Assessed };

/**
 * What a resumed run finds of its earlier attempts: which completed steps are still valid and skipped, which
 * are not, and where an attempt ended. Changes nothing. `steps` in the graph's order.
 */
export async function assessRun<Ctx>(
  steps: readonly Step<Ctx>[],
  ctx: Ctx,
  run: Readonly<RunRecord>,
): Promise<Findings> {
  const findings = {
    kept: [] as Resumed['kept'],
    again: [] as Resumed['again'],
    found: [] as Resumed['found'],
  };
  const assessed = new Map<string, { why?: string }>();
  const redone = new Set<string>();
  for (const step of steps) {
    const record = run.steps[step.id];
    if (record?.status === 'running' || record?.status === 'failed') {
      findings.found.push(ended(step.id, record));
      redone.add(step.id);
    } else if (record?.status === 'completed') {
      const need = step.needs.find((id) => redone.has(id));
      const why =
        need === undefined ? await reasonOf(step, ctx, record) : `${need}, which it needs, runs again`;
      if (need === undefined) assessed.set(step.id, { why });
      if (why === undefined) {
        findings.kept.push({ step: step.id, at: record.finishedAt ?? record.startedAt });
      } else {
        findings.again.push({ step: step.id, why });
        redone.add(step.id);
      }
    } else if (record?.status === 'stale') redone.add(step.id);
  }
  const done = new Set(findings.kept.map(({ step }) => step));
  const left = steps.map(({ id }) => id).filter((id) => !done.has(id));
  return { ...findings, left, assessed };
}

/** Inputs that cannot be read fail the step when its turn comes, not the look back. */
async function reasonOf<Ctx>(step: Step<Ctx>, ctx: Ctx, record: StepRecord): Promise<string | undefined> {
  let inputsHash: string;
  try {
    inputsHash = hashJson(step.inputs(ctx));
  } catch (error) {
    return `what it depends on cannot be read: ${causeChain(error)[0] ?? ''}`;
  }
  return reasonToRun(step, ctx, record, inputsHash);
}

/** The findings as they are reported and logged. */
export function resumedEvent(run: Readonly<RunRecord>, findings: Findings): Resumed {
  const { kept, again, found, left } = findings;
  return {
    type: 'run.resumed',
    run: run.id,
    startedAt: run.startedAt,
    by: run.startedBy,
    noReturnAt: run.pointOfNoReturn?.at,
    found,
    kept,
    again,
    left,
  };
}

function ended(
  step: string,
  { status, startedAt, finishedAt, place, error }: StepRecord,
): Resumed['found'][number] {
  return {
    step,
    how: status === 'failed' ? 'failed' : 'cut off',
    at: finishedAt ?? startedAt,
    after: place,
    error: error?.message,
  };
}

/** Why a recorded step runs again; undefined when its record can be taken as it is. */
export async function reasonToRun<Ctx>(
  step: Step<Ctx>,
  ctx: Ctx,
  record: StepRecord,
  inputsHash: string,
  assessed?: Assessed,
): Promise<string | undefined> {
  const { status, place, error } = record;
  if (status === 'running') {
    return `an earlier attempt was cut off${place === undefined ? '' : ` after ${place}`}`;
  }
  if (status === 'failed') return `an earlier attempt failed: ${error?.message ?? ''}`;
  if (status === 'skipped') return 'had nothing to do in an earlier attempt';
  if (status === 'stale') return 'a step that it needs has run again';
  if (record.revision !== step.revision) return 'recorded by another revision of this step';
  if (record.inputsHash !== inputsHash) return 'what it depends on has changed';
  const known = assessed?.get(step.id);
  if (known !== undefined) return known.why;
  try {
    const out = step.out.safeParse(record.out);
    if (!out.success) return 'another version recorded its result in another format';
    await step.verify?.(ctx, out.data);
    await step.reuse?.(ctx, out.data);
    return undefined;
  } catch (failure) {
    return `its result is no longer valid: ${causeChain(failure)[0] ?? ''}`;
  }
}
