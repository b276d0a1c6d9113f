import { join } from 'node:path';
import type { Journal } from '../engine/journal.ts';
import type { HeldLock } from '../engine/lock.ts';
import type { Redactor } from '../engine/redact.ts';
import { executeRun, type RunResult } from '../engine/run.ts';
import type { RunPlan } from '../engine/run-plan.ts';
import type { JsonObject, Step } from '../engine/step.ts';
import { describeError, type IvaapError } from '../errors.ts';
import type { Helm } from '../host/helm.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import type { Patience } from '../host/patience.ts';
import { DiskReserve } from '../host/reserve.ts';
import { operator } from '../host/system.ts';
import { signerOf } from '../payload/signature.ts';
import type { StepContext } from '../steps/context.ts';
import { wayBackOf } from '../steps/way_back.ts';
import { ownBinary, typedFromAnywhere } from './go_on.ts';
import type { LoggedPorts } from './logged_ports.ts';
import { clearWork, type FlowPorts, type HostTools, type OpenedPayload } from './session.ts';

/** What a flow has to say at its end, for people and for machines. */
export interface FlowResult {
  lines: string[];
  data: JsonObject;
  /** Of a dry run: what the data says, to be told in lines as wide as the reader's screen. */
  plan?: RunPlan;
  /** Of a dry run: the error with which the run itself would end at once. */
  refusal?: IvaapError;
}

export interface FlowRun<Ctx extends StepContext> {
  flow: 'install' | 'upgrade';
  steps: readonly Step<Ctx>[];
  ctx: Ctx;
  journal: Journal;
  fresh: boolean;
  opened: OpenedPayload;
  ports: LoggedPorts;
  redactor: Redactor;
  lock: HeldLock;
  patience: Patience;
  /** Told before the first step. */
  plan?: RunPlan;
  /** Called once, when the run is recorded as begun; `kept` are the completed steps that will be skipped. What it records is durable before the first step. */
  onStart?: (run: string, kept: readonly string[]) => Promise<void>;
  /** What the operator is told at the end. */
  summarize: (result: RunResult) => FlowResult;
  /** Adds to an error what the flow knows. */
  explain?: (error: unknown) => unknown;
}

/** The part of the context that both flows share. */
export function stepContext(
  opened: OpenedPayload,
  host: HostTools,
  extra: {
    helm: Helm;
    lock: HeldLock;
    journal: Journal;
    redactor: Redactor;
    ports: FlowPorts;
    from: string | null;
    entitlements: readonly string[];
    imagesFrom: StepContext['imagesFrom'];
    refreshArchives: boolean;
    waivers: StepContext['waivers'];
  },
): StepContext {
  const { journal, redactor, ports, from, helm, lock } = extra;
  const { entitlements, imagesFrom, refreshArchives, waivers } = extra;
  return {
    ...opened,
    ...host,
    k3s: host.k3s.path,
    lockFd: lock.descriptor,
    helm,
    from,
    entitlements,
    preflight: undefined,
    waivers,
    imagesFrom,
    refreshArchives,
    run: () => journal.run,
    helmJournal: () => readHelmJournal(journal.state.helm),
    recordHelm: (kept) =>
      journal.update((draft) => {
        draft.helm = JSON.parse(JSON.stringify({ ...draft.helm, ...kept })) as JsonObject;
      }),
    wayBack: () => wayBackOf(journal.state),
    to: opened.release.version,
    operator: operator().user,
    program: ports.program,
    again: ports.again,
    insist: ports.insist,
    hide: (secret) => redactor.add(secret),
    now: () => new Date(),
  };
}

/** Runs the graph with its log, which ends as the run does; errors leave redacted and with what is known of the run. */
export async function runFlow<Ctx extends StepContext>(options: FlowRun<Ctx>): Promise<FlowResult> {
  const { opened, ports, redactor, journal, ctx } = options;
  const { paths, payload } = opened;
  await clearWork(paths);
  const { log } = ports;
  const folder = join(paths.installer, 'logs');
  const at = () => new Date().toISOString();
  const binary = await ownBinary(opened);
  const onUnwritable = (reason: string) => {
    const line = `the log of this run in ${folder} cannot be written (${reason}); the run goes on`;
    ports.emit({ type: 'message', at: at(), level: 'warning', line });
  };
  const reserve = await DiskReserve.at(folder, opened.product.reserve);
  log.place({ folder, by: ctx.operator, redactor, hasRoom: () => reserve.holds(), onUnwritable });
  const endPatience = options.patience.begin({
    signal: ports.signal,
    say: (line) => ports.emit({ type: 'message', at: at(), level: 'warning', line }),
  });
  try {
    const result = await executeRun({
      run: {
        flow: options.flow,
        from: ctx.from,
        to: ctx.to,
        payloadDigest: payload.digest,
        binary,
        again: typedFromAnywhere(ports.again, binary),
        startedBy: ctx.operator,
        key: signerOf(payload.trailer),
      },
      steps: options.steps,
      ctx,
      journal,
      emit: ports.emit,
      signal: ports.signal,
      fresh: options.fresh,
      lock: options.lock,
      redactor,
      onBegun: async (run, kept) => {
        if (options.plan !== undefined) ports.emit({ type: 'run.plan', at: at(), plan: options.plan });
        await options.onStart?.(run, kept);
      },
    });
    const summary = options.summarize(result);
    log.handle({ type: 'result', at: at(), ...summary });
    log.end({ status: 'completed', exitCode: 0 });
    return summary;
  } catch (error) {
    const explained = redactor.error(options.explain?.(error) ?? error, log.path);
    const described = describeError(explained);
    log.handle({ type: 'error', at: at(), error: described });
    log.end({ status: described.code, exitCode: described.exitCode, message: described.message });
    throw explained;
  } finally {
    endPatience();
    await clearWork(paths).catch(() => undefined);
  }
}
