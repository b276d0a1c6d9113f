import { ownBinary, commandFromAnyFolder, commandHere } from '../session/resume-command.ts';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { executeRun } from '../engine/run.ts';
import { causeChain, describeError, IvaapError } from '../errors.ts';
import { DiskReserve } from '../host/reserve.ts';
import { operator } from '../host/system.ts';
import { signerOf } from '../payload/format/signature.ts';
import { removeLoneRecord } from '../release/last-record.ts';
import { isRemoving, recordedUninstall } from '../release/uninstall-record.ts';
import { shellWord } from '../shell-word.ts';
import { writeReport } from '../report/write-report.ts';
import type { Session } from '../session/session.ts';
import { clearWork } from '../session/work-folder.ts';
import type { Decision, Flow, FlowContext, FlowOptions, FlowResult, Prepared } from './flow.ts';
import { clearKilledRehearsal } from './rehearse/leftovers.ts';
import { planRun } from './run-plan.ts';

/**
 * Runs the graph with its log, which ends with the run. Errors are thrown redacted, with what is known of the
 * run.
 */
export async function execute<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  flow: Flow<O, D, C>,
  session: Session,
  prepared: Prepared<D, C>,
): Promise<FlowResult> {
  const { reporter, paths, payload, product, signal, lock } = session;
  const { decision, ctx } = prepared;
  const { fresh } = decision;
  await clearKilledRehearsal(session);
  await flow.beforeRun?.(session, prepared);
  const told = (decision.told ?? []).map((line) => ({ level: 'info', line }) as const);
  const notes = decision.notes.map((line) => ({ level: 'warning', line }) as const);
  for (const note of [...told, ...notes]) {
    const event = { type: 'message', ...note } as const;
    if (decision.asksWithNotes === true) reporter.record(event);
    else reporter.report(event);
  }
  const steps = flow.steps(product, ctx);
  const plan =
    flow.tellsPlan === true
      ? await planRun(session, {
          flow: flow.name,
          ctx,
          steps,
          fresh,
          releaseNotes: flow.releaseNotes?.(ctx),
          rehearsed: flow.rehearsed?.(ctx),
        })
      : undefined;
  await clearWork(paths);
  const by = operator().user;
  const binary = await ownBinary(session);
  await placeLog(session, by);
  const journal = await session.journal();
  const before = journal.state;
  let left = flow.name === 'uninstall' || isRemoving(before) ? undefined : recordedUninstall(before)?.dumpTo;
  const tellOfLeft = async () => {
    // A run that suspends it closes it at its end, or not at all.
    const { run, suspended } = journal.state;
    if (left === undefined || [run?.id, suspended?.id].includes(before.run?.id)) return;
    await tellClosed(session, left);
    left = undefined;
  };
  /** The page of this run, once it was tried to write it. */
  let report: { path: string | undefined } | undefined;
  // The last change of an uninstall moves them.
  const placeNow = (path: string | undefined): string | undefined => {
    const to = path !== undefined && !existsSync(path) ? flow.logsTo?.(ctx) : undefined;
    const moved = to === undefined ? undefined : join(to, basename(path ?? ''));
    return moved !== undefined && existsSync(moved) ? moved : path;
  };
  const tellReport = () => {
    const path = placeNow(report?.path);
    if (path === undefined) return;
    session.report({ type: 'message', level: 'info', line: `report of this run: ${path}` });
  };
  const endOutageRetry = session.openedTools?.outageRetry.start({ signal, say: reporter.warn });
  try {
    const result = await executeRun({
      run: {
        flow: flow.name,
        from: ctx.from,
        to: ctx.to,
        payloadDigest: ctx.runDigest ?? payload.digest,
        binary,
        again: commandFromAnyFolder(session.again, binary),
        startedBy: by,
        answers: decision.recorded,
        key: signerOf(payload.trailer),
      },
      about: {
        product: product.title,
        host: hostname(),
        package: { digest: payload.digest, key: signerOf(payload.trailer) },
      },
      steps,
      ctx,
      journal,
      reporter,
      signal,
      resume: commandHere(session.again),
      fresh,
      suspends: flow.suspends,
      lock,
      end: { removes: flow.removes, completes: flow.completes?.(ctx) },
      onBegun: async (run, kept) => {
        await tellOfLeft();
        if (plan !== undefined) reporter.report({ type: 'run.plan', plan });
        await flow.onStarted?.(session, prepared, { run, kept });
      },
    });
    await tellOfLeft();
    const summary = flow.summarize(ctx, result);
    session.downtime.end();
    reporter.record({ type: 'result', ...summary });
    reporter.log.end({ status: 'completed', exitCode: 0 });
    report = { path: await keepReport(session, flow.logsTo?.(ctx)) };
    await flow.onCompleted?.(session, prepared);
    tellReport();
    return summary;
  } catch (error) {
    if (report === undefined) await flow.onFailed?.(session, prepared);
    const explained = reporter.redactor.error(
      (await flow.explain?.(session, error)) ?? error,
      placeNow(reporter.log.path),
    );
    const described = describeError(explained);
    session.downtime.end();
    reporter.record({ type: 'error', error: described });
    reporter.log.end({ status: described.code, exitCode: described.exitCode, message: described.message });
    report ??= { path: await keepReport(session, undefined) };
    tellReport();
    throw explained;
  } finally {
    endOutageRetry?.();
    await clearWork(paths).catch(() => undefined);
  }
}

/** An uninstall that has removed nothing is over: what it has left of its own goes, all else is named. */
async function tellClosed({ product, reporter }: Session, dumpTo: string): Promise<void> {
  const told = 'the uninstall that was begun on this host has removed nothing, and is closed';
  if (await removeLoneRecord(dumpTo, product.name).catch(() => false))
    reporter.report({ type: 'message', level: 'info', line: told });
  else if (existsSync(dumpTo)) reporter.warn(`${told}; its folder stays: ${dumpTo}`);
}

/** The report is made from the log alone, so that nothing is lost where it cannot be written. */
async function keepReport(
  { reporter, product, program }: Session,
  logsTo: string | undefined,
): Promise<string | undefined> {
  const { path: log } = reporter.log;
  if (log === undefined) return undefined;
  try {
    const reserve = await DiskReserve.at(dirname(log), product.reserve);
    if (!reserve.holds()) throw new IvaapError('failed', 'the disk is nearly full');
    return await writeReport(log);
  } catch (error) {
    const why = causeChain(error).join(': ');
    const run = basename(log, '.jsonl');
    const again = `${program} report ${logsTo === undefined ? run : shellWord(join(logsTo, basename(log)))}`;
    reporter.warn(`the report of this run could not be written (${why}); to try again: ${again}`);
    return undefined;
  }
}

async function placeLog({ reporter, paths, product }: Session, by: string): Promise<void> {
  const { log, redactor, warn } = reporter;
  const folder = join(paths.installer, 'logs');
  const reserve = await DiskReserve.at(folder, product.reserve);
  const onUnwritable = (reason: string) =>
    warn(`the log of this run in ${folder} cannot be written (${reason}); the run continues`);
  log.place({ folder, by, redactor, hasRoom: () => reserve.holds(), onUnwritable });
}
