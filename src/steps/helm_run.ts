import type { StepIo } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { describePods } from '../host/pods.ts';
import type { DeployOptions } from '../host/helm.ts';
import type { HelmProcess } from '../host/helm-process.ts';
import type { StepContext } from './context.ts';
import { watchPods } from './pod_watch.ts';
import { valuesFiles } from './values_overlay.ts';

const clock = (time: string) => time.slice(11, 19);

/** What Helm is begun with; the values' hash is recorded, so that a later run knows what an orphaned Helm was doing. */
export interface HelmRun {
  verb: 'install' | 'upgrade';
  /** SHA-256 of the operator's values file. */
  values: string;
  /** The release's last revision; 0 where there is none. */
  revisionBefore: number;
  historyMax: number;
  forceConflicts: boolean;
}

/**
 * Runs Helm with what both flows share: values and overlay, the product's wait and limit, pods as progress, and an operator's wish to
 * stop, which is told how long Helm may still take; only a second one is passed on to Helm. Helm is recorded before it does anything, and
 * the step's midpoint is passed while it works (`passed`). Throws `failed` with what Helm and the pods said.
 */
export async function runHelm(
  ctx: StepContext,
  io: StepIo,
  run: HelmRun,
): Promise<{ passed: Promise<void> }> {
  const { helm, product } = ctx;
  const { verb, values, revisionBefore, historyMax, forceConflicts } = run;
  const { timeoutSeconds, wait } = product.helm;
  const begun = ctx.now().getTime();
  const after = (waits: number) => new Date(begun + waits * timeoutSeconds * 1000).toISOString();
  const times = { begunAt: after(0), until: after(1), latest: after(verb === 'upgrade' ? 2 : 1) };
  const onStop = () => io.say(stopNotice(verb, times));
  const onInsist = () =>
    io.say(
      verb === 'upgrade'
        ? `Helm is asked to stop and rolls back: that is waited for until ${clock(times.latest)} UTC at the latest`
        : 'Helm is asked to stop: what it has made stays, and the same command goes on from there',
    );
  io.signal.addEventListener('abort', onStop, { once: true });
  ctx.insist.addEventListener('abort', onInsist, { once: true });
  const watch = watchPods(ctx, io);
  let passed: Promise<void> | undefined;
  let begunHelm: HelmProcess | undefined;
  const options: DeployOptions = {
    chart: ctx.paths.chart,
    valuesFiles: valuesFiles(ctx),
    wait,
    timeoutSeconds,
    historyMax,
    forceConflicts,
    signal: ctx.insist,
    inherit: [ctx.lockFd],
    record: async (process) => {
      begunHelm = { ...process, verb, ...times, revisionBefore, values, payload: ctx.payload.digest };
      await ctx.recordHelm({ process: begunHelm });
      // Not waited for: from here on Helm is at work, and a journal that cannot be written must not leave it alone.
      passed = io.midpoint();
      passed.catch(() => {});
    },
  };
  try {
    await helm[verb](options);
  } catch (error) {
    await watch.stop();
    const said = error instanceof IvaapError && error.output !== undefined ? error.output : '';
    const now = await describePods(ctx.kubectl, { namespace: product.namespace });
    const troubled = now.filter((line) => !/^pod \S+: Running, ready|^ {2}log: /.test(line));
    throw new IvaapError('failed', causeChain(error)[0] ?? 'Helm failed', {
      cause: error,
      output: [said, ...watch.troubles(), ...troubled].filter((line) => line !== '').join('\n'),
    });
  } finally {
    await watch.stop();
    // Whoever works on the release from here on is not ours; a journal that cannot be written must not hide how Helm ended.
    const ended = { process: begunHelm && { ...begunHelm, endedAt: ctx.now().toISOString() } };
    if (begunHelm !== undefined) await ctx.recordHelm(ended).catch(() => undefined);
    io.signal.removeEventListener('abort', onStop);
    ctx.insist.removeEventListener('abort', onInsist);
  }
  if (ctx.helmJournal().emptied === true) await ctx.recordHelm({ emptied: false });
  return { passed: passed ?? Promise.resolve() };
}

function stopNotice(verb: HelmRun['verb'], { until, latest }: { until: string; latest: string }): string {
  const limit =
    verb === 'upgrade'
      ? `until ${clock(until)} UTC; when it fails then it rolls back, until ${clock(latest)} UTC at the latest`
      : `until ${clock(until)} UTC at the latest`;
  const again = verb === 'upgrade' ? 'Helm to stop, which rolls back' : 'Helm to stop';
  return `stopping after Helm, which is waited for ${limit}; ask a second time to ask ${again}`;
}
