import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { HeldLock } from '../../engine/lock.ts';
import { Redactor } from '../../engine/redact.ts';
import type { RunResult } from '../../engine/run.ts';
import { IvaapError } from '../../errors.ts';
import { makeFolder } from '../../host/atomic-file.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import { assertRoot } from '../../host/system.ts';
import type { PreflightReport } from '../../policy/preflight.ts';
import type { InstallContext } from '../../release/context.ts';
import type { License } from '../../release/license-file.ts';
import { installAnswers, type InstallAnswers, type InstallFlags, requireLicense } from './answers.ts';
import { otherInstall, refuseInstalled, refuseLeftovers } from './gate.ts';
import { type InstallPreflight, preflightInstall } from './preflight.ts';
import { preflightResult, recordPreflightStart } from '../preflight-record.ts';
import { dryRunInstall } from './dry-run.ts';
import { installContext } from './context.ts';
import { installSteps } from './steps.ts';
import { type LoggedPorts, loggedPorts } from '../../session/logged-ports.ts';
import { type Answer, confirmed, isFresh } from '../question.ts';
import { type FlowResult, runFlow } from '../run-flow.ts';
import { hideGenerated } from '../../release/secrets-of-host.ts';
import { openJournal, readOwnState } from '../../session/own-state.ts';
import { placeHelm } from '../../session/helm-placement.ts';
import { assertCluster, openHost } from '../../session/host-tools.ts';
import { takeLock } from '../../session/lock.ts';
import { openOwnPayload } from '../../session/opened-payload.ts';
import { needsRootFor } from '../../session/ports.ts';
import { unlessStopped } from '../../session/stoppable.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { CommandPorts, FlowPorts } from '../../session/ports.ts';
import { healthLines, waivedHealth } from '../upgrade/summary.ts';
import { WholeScan } from '../whole-scan.ts';

export interface InstallOptions extends InstallFlags {
  yes: boolean;
  /** `ID=REASON`, each. */
  waive: readonly string[];
  preflightOnly: boolean;
  /** Closes the unfinished install of another package. */
  supersede: boolean;
  /** Tell what would be done, and change nothing. */
  dryRun: boolean;
  /** Read the whole payload although an earlier run found it intact. */
  reverify: boolean;
}

/** `install` on an empty host, or going on with one that was cut off. */
export async function runInstall(options: InstallOptions, given: CommandPorts): Promise<FlowResult> {
  const ports = loggedPorts(given);
  const asks = !options.yes && !options.preflightOnly && !options.dryRun;
  if (asks && ports.confirm === undefined) {
    throw new IvaapError('usage', 'install asks for confirmation, and nobody can be asked here', {
      hint: ports.again({ add: ['--yes'] }),
    });
  }
  assertRoot(ports.again(), needsRootFor(options));
  const opened = await openOwnPayload(ports.machine);
  const redactor = new Redactor();
  // An empty host stays as it is until it is known that the install may start.
  const words = `install${options.dryRun ? ' --dry-run' : ''}`;
  const acquire = () => takeLock(opened, words, ports, { leaveText: options.dryRun });
  let lock = existsSync(opened.paths.installer) ? await acquire() : undefined;
  const begin = async (): Promise<HeldLock> => {
    await assertSafePath(opened.paths.folder, { mayBeMissing: true });
    await makeFolder(opened.paths.folder);
    await makeFolder(opened.paths.installer, 0o700);
    lock ??= await acquire();
    return lock;
  };
  const scan = new WholeScan(opened, ports, options);
  try {
    const underLock = lock !== undefined;
    const prepared = await scan.beside(ports, (beside) => prepare(options, beside, opened, redactor));
    if ('result' in prepared) return prepared.result;
    const answer = await confirmInstall(options, ports, opened, prepared.answers);
    const held = await begin();
    const current =
      underLock && answer === undefined
        ? prepared
        : await unlessStopped(ports.signal, () =>
            prepareAgain(prepared, answer, { options, ports, opened, redactor }),
          );
    await scan.keep();
    return await start(current, ports, opened, redactor, held);
  } catch (error) {
    throw redactor.error(error);
  } finally {
    // Of a run that was refused, too: what was read need not be read again.
    if (lock !== undefined && !options.dryRun && !options.preflightOnly) await scan.keep();
    lock?.release();
    await opened.payload.close();
  }
}

/** What an install starts with, once nothing stands against it. */
interface InstallStart {
  preflight: InstallPreflight;
  answers: InstallAnswers;
  license: License | undefined;
  report: PreflightReport;
}

/** What is decided before anything is measured: whose host it is, and the answers. Throws what stands against an install; changes nothing. */
async function decide(
  options: InstallOptions,
  ports: LoggedPorts,
  opened: OpenedPayload,
  redactor: Redactor,
): Promise<Omit<InstallStart, 'report'>> {
  const { product, paths } = opened;
  const state = await readOwnState(opened, ports.program);
  const { supersede } = options;
  if (state !== undefined) refuseInstalled(opened, state, { ...ports, supersede });
  const answers = await installAnswers(product, paths.values, options, state, redactor);
  const host = await openHost(product, redactor, ports);
  await assertCluster(host.kubectl, product);
  const license = await requireLicense(host.kubectl, product, answers.license, redactor);
  if (state?.run === undefined) {
    const { storagePath, valuesFrom } = answers;
    await refuseLeftovers(opened, host, { storagePath, valuesFrom: valuesFrom?.path }, ports);
  }
  await hideGenerated(host.kubectl, product, redactor);
  const preflight = {
    opened,
    host,
    ports,
    redactor,
    state,
    entitlements: license?.entitlements ?? [],
    fqdn: answers.fqdn,
    waive: options.waive,
  };
  return { preflight, answers, license };
}

/** Changes nothing. A dry run, and one that ends with preflight, have their result here. */
async function prepare(
  options: InstallOptions,
  ports: LoggedPorts,
  opened: OpenedPayload,
  redactor: Redactor,
): Promise<{ result: FlowResult } | InstallStart> {
  const decided = await decide(options, ports, opened, redactor);
  if (options.dryRun) return { result: await dryRunInstall(decided) };
  const report = await preflightInstall(decided.preflight);
  return options.preflightOnly ? { result: preflightResult(report) } : { ...decided, report };
}

/**
 * Under the lock: what was decided without it, or before a question that waited, is decided again. Other runs and editors may have been
 * at work since. Asks again where the question would be another one now.
 */
async function prepareAgain(
  earlier: InstallStart,
  answer: Answer | undefined,
  given: { options: InstallOptions; ports: LoggedPorts; opened: OpenedPayload; redactor: Redactor },
): Promise<InstallStart> {
  const { options, ports, opened, redactor } = given;
  const decided = await decide(options, ports, opened, redactor);
  const same = isDeepStrictEqual(basis(decided), basis(earlier));
  if (same && (answer === undefined || isFresh(answer))) return { ...decided, report: earlier.report };
  const report = await preflightInstall(decided.preflight);
  const now: InstallStart = { ...decided, report };
  if (answer === undefined || answer.question === questionOf(opened, decided.answers)) return now;
  const again = await confirmInstall(options, ports, opened, decided.answers);
  return prepareAgain(now, again, given);
}

/** What a decision was made from, as far as others can change it. */
const basis = ({ preflight, answers, license }: Omit<InstallStart, 'report'>) => ({
  state: preflight.state,
  answers,
  license,
});

async function start(
  { preflight, answers, license, report }: InstallStart,
  ports: LoggedPorts,
  opened: OpenedPayload,
  redactor: Redactor,
  lock: HeldLock,
): Promise<FlowResult> {
  const { product, release } = opened;
  const { host } = preflight;
  const helm = await placeHelm(opened, host);
  const journal = await openJournal(opened, ports.program);
  const other = preflight.state === undefined ? undefined : otherInstall(opened, preflight.state);
  if (other !== undefined) {
    const line = `the unfinished install of ${other.to} is closed (--supersede); its values, secrets, volume and data stay`;
    ports.emit({ type: 'message', at: new Date().toISOString(), level: 'warning', line });
  }
  const ctx = installContext(preflight, { helm, lock, journal, answers, license, report });
  return runFlow({
    flow: 'install',
    ctx,
    journal,
    opened,
    ports,
    redactor,
    lock,
    patience: host.patience,
    fresh: other !== undefined,
    steps: installSteps(product),
    summarize: (result) => summary(ctx, result, release.version),
    onStart: (run) => recordPreflightStart(journal, ctx, run),
  });
}

function questionOf({ product, release }: OpenedPayload, { fqdn, storagePath }: InstallAnswers): string {
  return `Install ${product.title} ${release.version} for ${fqdn}, with its database in ${storagePath}?`;
}

async function confirmInstall(
  { yes }: InstallOptions,
  ports: FlowPorts,
  opened: OpenedPayload,
  answers: InstallAnswers,
): Promise<Answer | undefined> {
  if (yes) return undefined;
  return confirmed(ports, questionOf(opened, answers), ports.again());
}

function summary(ctx: InstallContext, result: RunResult, version: string): FlowResult {
  const { product, paths, fqdn, storagePath, entitlements } = ctx;
  return {
    lines: [
      `${product.title} ${version} is installed.`,
      `  address  http://${fqdn}/`,
      `  values   ${paths.values} (yours from now on)`,
      `  database ${storagePath}`,
      `  licence  ${entitlements.join(', ') || 'no entitlements'}`,
      ...healthLines(ctx, result),
    ],
    data: {
      version,
      fqdn,
      values: paths.values,
      storagePath,
      entitlements: [...entitlements],
      waivedHealth: waivedHealth(ctx, result),
      warnings: result.warnings,
    },
  };
}
