import { setTimeout as sleep } from 'node:timers/promises';
import { causeChain, IvaapError } from '../errors.ts';
import { foreign, foreignIfUnmarked } from '../foreign.ts';
import { deployedVersion, type HelmRevision } from '../host/helm.ts';
import type { Controller } from '../host/namespace-view.ts';
import { sameVersion } from '../version.ts';
import type { StepIo } from '../engine/step.ts';
import { judgeSchema } from '../policy/schema-verdict.ts';
import type { UpgradeContext } from './context.ts';
import { askingOf, probeUntilHealthy } from './health-route.ts';
import { type HelmAftermath, helmVerdict } from './helm-verdict.ts';
import { parseRendered } from './rendered-chart.ts';
import { wayBack } from '../backup/restore-commands.ts';
import { answerMs, askSchema } from './schema-now.ts';
import { hasAllPods } from './troubles.ts';
import { dumpLines } from '../backup/way-back.ts';

/** How long the old release may take to answer after a rollback by Helm; its pods are ready by then. */
const rollbackProbeMs = 60_000;
/** How long its pods may take to be ready after a rollback that gave up: Helm no longer waited for them. */
const comeUpMs = 120_000;
const pauseMs = 2000;

/** What a failed Helm left behind, compared with what should run, as the step's error. */
export async function judgeFailure(
  ctx: UpgradeContext,
  error: unknown,
  io: Pick<StepIo, 'say' | 'tell'>,
  revisionBefore: number,
): Promise<IvaapError> {
  const { from, to } = ctx;
  const { schemaWas: was } = ctx.wayBack();
  const limitMs = answerMs(ctx);
  const onWait = () => io.say(`waiting for the database to tell its schema, up to ${limitMs / 1000} s`);
  const [after, { healthy, ...found }] = await Promise.all([
    askSchema(ctx, limitMs, { was, onWait }),
    oldRelease(ctx, revisionBefore, io),
  ]);
  const schema = judgeSchema(was, after);
  await ctx.recordSchema(schema).catch(() => undefined);
  if (after.version !== undefined) io.tell({ type: 'schema.found', schemaVersion: after.version });
  const newMajor = ctx.majorChange?.to;
  const verdict = helmVerdict({ from, to, ...found, schema, healthy, newMajor });
  const fix = (error instanceof IvaapError ? error.hint : undefined) ?? 'Fix the cause';
  const way = ctx.wayBack();
  const dump = way.restore;
  const back = verdict.code === 'schema_moved' && dump !== undefined ? wayBack(dump, from, ctx.program) : [];
  return new IvaapError(verdict.code, verdict.message, {
    cause: new IvaapError('failed', causeChain(error)[0] ?? 'Helm failed'),
    output: error instanceof IvaapError ? foreignIfUnmarked(error.output ?? '') : undefined,
    wayBack: [...dumpLines(way), ...back],
    hint: `${fix}, then: ${ctx.again()}`,
  });
}

/** Probed once its workloads are judged: what is still starting does not answer yet. */
async function oldRelease(ctx: UpgradeContext, revisionBefore: number, io: Pick<StepIo, 'say'>) {
  const found = await releaseAfterFailure(ctx, revisionBefore, io);
  const healthy = await answers(ctx).catch(() => undefined);
  return { ...found, healthy };
}

type AfterFailure = Pick<HelmAftermath, 'release' | 'releaseStatus'>;

async function releaseAfterFailure(
  ctx: UpgradeContext,
  revisionBefore: number,
  io: Pick<StepIo, 'say'>,
): Promise<AfterFailure> {
  const { helm, from } = ctx;
  const { name } = ctx.product.chart;
  const isOld = (revision: HelmRevision) => sameVersion(versionOf(revision, name), from);
  try {
    const history = await helm.history();
    const last = history.at(-1);
    if (last === undefined) return { release: 'unknown', releaseStatus: 'gone' };
    const releaseStatus = `${last.status}, revision ${last.revision}: ${foreign(last.description)}`;
    if (last.revision <= revisionBefore) return { release: 'untouched', releaseStatus };
    if (last.status !== 'deployed') {
      const old = history.findLast((one) => isOld(one) && one.revision <= revisionBefore);
      if (old !== undefined && (await comesUp(ctx, old.revision, io)))
        return { release: 'old-runs', releaseStatus };
      return { release: last.status.startsWith('pending') ? 'pending' : 'failed', releaseStatus };
    }
    const { other } = await comparedWith(ctx, await workloadsOf(ctx, last.revision));
    if (other.length > 0)
      return { release: 'failed', releaseStatus: `${releaseStatus}, but ${other.join(', ')}` };
    if (isOld(last)) return { release: 'rolled-back', releaseStatus };
    return {
      release: 'failed',
      releaseStatus: `${releaseStatus}, version ${foreign(versionOf(last, name))}`,
    };
  } catch {
    return { release: 'unknown', releaseStatus: 'not known: Helm or the API server did not answer' };
  }
}

/** Helm lists a chart as NAME-VERSION. */
const versionOf = ({ appVersion, chart }: HelmRevision, name: string): string =>
  deployedVersion({ appVersion, version: chart.startsWith(`${name}-`) ? chart.slice(name.length + 1) : '' });

type Workload = Controller & {
  spec: { template: { spec: { containers: { name: string; image: string }[] } } };
};

const workloads = ['Deployment', 'StatefulSet', 'DaemonSet'];

/**
 * Whether all that a revision describes runs and is ready, or comes to be: a rollback that gave up, as at a
 * deadline that had passed before it began, leaves the right pods on their way.
 */
async function comesUp(ctx: UpgradeContext, revision: number, io: Pick<StepIo, 'say'>): Promise<boolean> {
  const end = performance.now() + comeUpMs;
  const should = await workloadsOf(ctx, revision);
  let waits = false;
  for (;;) {
    const { other, unready } = await comparedWith(ctx, should);
    if (other.length > 0) return false;
    if (unready.length === 0) return true;
    if (ctx.insist.aborted || performance.now() + pauseMs > end) return false;
    if (!waits) {
      io.say(`waiting for ${unready.join(', ')} of ${ctx.from} to be ready, up to ${comeUpMs / 1000} s`);
    }
    waits = true;
    await sleep(pauseMs, undefined, { signal: ctx.insist }).catch(() => undefined);
  }
}

/** As a revision describes them. */
async function workloadsOf({ helm }: UpgradeContext, revision: number): Promise<Workload[]> {
  const rendered = parseRendered(await helm.manifest(revision)).objects;
  return rendered.filter(({ kind }) => workloads.includes(kind)) as unknown as Workload[];
}

/** Those that are missing or run different images, and those that are not ready yet. */
async function comparedWith(
  { kubectl, product }: UpgradeContext,
  should: readonly Workload[],
): Promise<{ other: string[]; unready: string[] }> {
  const live = await kubectl.list<Workload>('deployments,statefulsets,daemonsets', {
    namespace: product.namespace,
  });
  const images = (workload: Workload | undefined) =>
    workload?.spec.template.spec.containers
      .map(({ name, image }) => `${name}=${image}`)
      .sort()
      .join();
  const other: string[] = [];
  const unready: string[] = [];
  for (const wanted of should) {
    const { kind, metadata } = wanted;
    const name = `${kind}/${metadata.name}`;
    const found = live.find((one) => one.kind === kind && one.metadata.name === metadata.name);
    if (found === undefined) other.push(`${name} is missing`);
    else if (images(found) !== images(wanted)) other.push(`${name} runs different images`);
    else if (!hasAllPods(found)) unready.push(name);
  }
  return { other, unready };
}

async function answers(ctx: UpgradeContext): Promise<boolean> {
  const asking = await askingOf(ctx);
  for (const route of ctx.product.health) {
    const { healthy } = await probeUntilHealthy(route, asking, { timeoutMs: rollbackProbeMs });
    if (!healthy) return false;
  }
  return true;
}
