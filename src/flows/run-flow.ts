import type { JsonObject } from '../engine/step.ts';
import { makeFolder } from '../host/atomic-file.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { counted } from '../policy/counted.ts';
import type { PreflightReport } from '../policy/preflight-report.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import type { CommandPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { unlessStopped } from '../session/stoppable.ts';
import { clearDryRunWork, clearWork } from '../session/work-folder.ts';
import { execute } from './execute.ts';
import type { Decision, Flow, FlowContext, FlowOptions, FlowResult, Prepared } from './flow.ts';
import { type PreflightOutcome, runPreflight } from './run-preflight.ts';
import { type Answer, confirmed, isFresh } from './question.ts';
import { Refusals } from './refusals.ts';
import { planned, planRun } from './run-plan.ts';
import { PayloadScan } from './payload-scan.ts';

interface Invocation<O extends FlowOptions, D extends Decision, C extends FlowContext> {
  flow: Flow<O, D, C>;
  options: O;
  session: Session;
}

/**
 * Runs any flow: opens, locks, scans while it prepares; then plans (dry run), reports (preflight only), or
 * asks and runs.
 */
export async function runFlow<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  flow: Flow<O, D, C>,
  given: O,
  ports: CommandPorts,
): Promise<FlowResult> {
  flow.assertOptions(given, ports);
  await using session = await Session.open(ports, given);
  const { dryRun, preflightOnly } = given;
  const command = `${flow.command}${dryRun ? ' --dry-run' : ''}`;
  const takeLock = () => session.takeLock(command, { leaveText: dryRun });
  const scan = new PayloadScan(session, given);
  try {
    if (flow.locksFirst(session.paths)) await takeLock();
    const rest = await flow.rest?.(session, given);
    if (rest !== undefined) return session.redactor.value(rest);
    const { complete } = flow;
    const options =
      complete === undefined ? given : await unlessStopped(session.signal, () => complete(session, given));
    const invocation = { flow, options, session };
    const prepared = await (flow.scansPayload === false
      ? unlessStopped(session.signal, () => prepare(invocation))
      : scan.inParallelWith(() => prepare(invocation)));
    if ('result' in prepared) return prepared.result;
    const answer = await ask(invocation, prepared.decision);
    const unlocked = session.lock === undefined;
    if (unlocked) await makeFolders(session.paths);
    await takeLock();
    const current =
      unlocked || answer !== undefined
        ? await unlessStopped(session.signal, () => prepareAgain(invocation, prepared, { answer, unlocked }))
        : prepared;
    await scan.keep();
    const { lines, data } = await execute(flow, session, current);
    return session.redactor.value({ lines, data });
  } catch (error) {
    throw session.redactor.error(error);
  } finally {
    if (session.lock !== undefined) {
      // Also after a refusal: the payload need not be read again.
      if (!dryRun && !preflightOnly) await scan.keep();
      // A refused run may have queried Helm, which makes its private folders.
      const clear = dryRun ? clearDryRunWork : clearWork;
      await clear(session.paths).catch(() => undefined);
    }
  }
}

/** The folders on a host without any of ours. */
async function makeFolders({ folder, installer }: ProductPaths): Promise<void> {
  await assertSafePath(folder, { mayBeMissing: true });
  await makeFolder(folder);
  await makeFolder(installer, 0o700);
}

/**
 * Changes nothing on the host except that it places Helm. A dry run, and one that ends with preflight, end
 * here.
 */
async function prepare<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  invocation: Invocation<O, D, C>,
): Promise<{ result: FlowResult } | Prepared<D, C>> {
  const { flow, options, session } = invocation;
  const decision = await flow.decide(session, options);
  if (options.dryRun) return { result: await dryRun(invocation, decision) };
  if (decision.refusal !== undefined) throw decision.refusal;
  const prepared = await measured(invocation, decision);
  return options.preflightOnly ? { result: preflightOnlyResult(prepared.ctx.preflight) } : prepared;
}

/**
 * What the run would do, and all its blockers. Throws where too little is known to plan anything.
 */
async function dryRun<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  invocation: Invocation<O, D, C>,
  decision: D,
): Promise<FlowResult> {
  const { flow, options, session } = invocation;
  const refusals = new Refusals(decision.refusal);
  const ctx = await refusals.collect(() => flow.context(session, options, decision));
  if (ctx === undefined) throw refusals.found[0];
  const outcome = await refusals.collect(() => preflight(invocation, { decision, ctx }));
  refusals.add(outcome?.blocked);
  const blockers = await refusals.collect(
    async () => (await flow.blockers?.(session, options, { decision, ctx })) ?? [],
  );
  for (const blocker of blockers ?? []) refusals.add(blocker);
  return planned(session, {
    flow: flow.name,
    ctx: { ...ctx, preflight: outcome?.report },
    // A package that is refused is never installed on this host: there is nothing to plan.
    steps: decision.refusal === undefined ? flow.steps(session.product, ctx) : [],
    fresh: decision.fresh,
    stake: flow.stake?.(session, options, decision),
    notes: [...(decision.told ?? []), ...decision.notes],
    releaseNotes: flow.releaseNotes?.(ctx),
    rehearsed: flow.rehearsed?.(ctx),
    refusals: refusals.found,
  });
}

/** The context with preflight's report. Throws the blockers. */
async function measured<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  invocation: Invocation<O, D, C>,
  decision: D,
): Promise<Prepared<D, C>> {
  const { flow, options, session } = invocation;
  const ctx = await flow.context(session, options, decision);
  const { report, blocked } = await preflight(invocation, { decision, ctx });
  if (blocked !== undefined) throw blocked;
  const prepared = { decision, ctx: { ...ctx, preflight: report } };
  if (flow.showsPlan === true) await showPlan(invocation, prepared);
  const [blocker] = (await flow.blockers?.(session, options, prepared)) ?? [];
  if (blocker !== undefined) throw blocker;
  return prepared;
}

async function showPlan<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  { flow, session }: Invocation<O, D, C>,
  { decision, ctx }: Prepared<D, C>,
): Promise<void> {
  const steps = flow.steps(session.product, ctx);
  const plan = await planRun(session, { flow: flow.name, ctx, steps, fresh: decision.fresh });
  session.report({ type: 'run.plan', plan });
}

async function preflight<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  { flow, options, session }: Invocation<O, D, C>,
  prepared: Prepared<D, C>,
): Promise<Partial<PreflightOutcome>> {
  const checks = flow.checks?.(session, options, prepared);
  return checks === undefined ? {} : runPreflight(checks, session);
}

async function ask<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  { flow, options, session }: Invocation<O, D, C>,
  decision: D,
): Promise<Answer | undefined> {
  const question = flow.question?.(session, options, decision);
  return question === undefined ? undefined : confirmed(session, question);
}

/**
 * Decides again under the lock what was decided without it or before a question: others may have changed the
 * host since. Measures again where something has changed, and asks again where the question is another one
 * now.
 */
async function prepareAgain<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  invocation: Invocation<O, D, C>,
  earlier: Prepared<D, C>,
  { answer, unlocked }: { answer: Answer | undefined; unlocked: boolean },
): Promise<Prepared<D, C>> {
  const { flow, options, session } = invocation;
  const decision = (await flow.decideAgain?.(session, options, earlier)) ?? earlier.decision;
  if (decision === earlier.decision && (answer === undefined || isFresh(answer))) {
    if (!unlocked) return earlier;
    const ctx = await flow.context(session, options, decision);
    return { decision, ctx: { ...ctx, preflight: earlier.ctx.preflight } };
  }
  const now = await measured(invocation, decision);
  if (answer === undefined) return now;
  if (flow.question?.(session, options, decision)?.text === answer.question) return now;
  const again = await ask(invocation, decision);
  return prepareAgain(invocation, now, { answer: again, unlocked: false });
}

/** `--preflight-only`: the report was printed as an event already. */
function preflightOnlyResult(report: PreflightReport | undefined): FlowResult {
  const results = report?.results ?? [];
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return {
    lines: [
      `Preflight found no blockers: ${count('ok')} ok, ${counted(count('warn'), 'warning')}, ` +
        `${count('waived')} waived. Nothing was changed.`,
    ],
    data: { preflight: JSON.parse(JSON.stringify(report ?? null)) as JsonObject },
  };
}
