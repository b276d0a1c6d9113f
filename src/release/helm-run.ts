import type { StepIo } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { DeployOptions } from '../host/helm.ts';
import type { HelmProcess } from '../host/helm-process.ts';
import type { StepContext } from './context.ts';
import type { Given } from './grace.ts';
import { fixFor } from './helm-fix.ts';
import { watchPods, type WatchedHelm } from './pod-watch.ts';
import { helmOptions } from './helm-by-hand.ts';
import { restartDeadlines } from './progress-deadlines.ts';
import { hookFailed, ownMessage, saysLess, waitedInVain } from './helm-output.ts';

const clock = (time: string) => time.slice(11, 19);

/**
 * What Helm is started with; the values' hash is recorded, so that a later run knows what an orphaned Helm
 * was doing.
 */
export interface HelmRun {
  verb: 'install' | 'upgrade';
  /** SHA-256 of the operator's values file. */
  values: string;
  /** The release's last revision; 0 where there is none. */
  revisionBefore: number;
  /** Existing records of the release, and how many of them Helm keeps. */
  records: number;
  historyMax: number;
  forceConflicts: boolean;
  /** A failed upgrade is not rolled back. */
  keepsFailed?: boolean;
}

/**
 * Runs Helm with what both flows share: values and overlay, the product's wait and timeout, pods as progress.
 * When the operator asks to stop, it prints how long Helm may still take; only a second request is passed on
 * to Helm. Helm is recorded before it does anything. Throws `failed` with what Helm and the pods reported.
 */
export async function runHelm(ctx: StepContext, io: StepIo, run: HelmRun): Promise<void> {
  const { helm, product } = ctx;
  const { verb, values, revisionBefore, historyMax, forceConflicts, keepsFailed } = run;
  const { timeoutSeconds } = product.helm;
  await restartDeadlines(ctx, io);
  if (verb === 'upgrade') await ctx.downtime.begin(ctx);
  const startMs = ctx.now().getTime();
  const after = (waits: number) => new Date(startMs + waits * timeoutSeconds * 1000).toISOString();
  const rollsBack = verb === 'upgrade' && keepsFailed !== true;
  const times = { begunAt: after(0), until: after(1), latest: after(rollsBack ? 2 : 1) };
  const onStop = () => io.say(stopNotice(rollsBack, times));
  const onInsist = () => io.say(stopText(rollsBack, times));
  io.signal.addEventListener('abort', onStop, { once: true });
  ctx.insist.addEventListener('abort', onInsist, { once: true });
  const stuck = new AbortController();
  let given: Given | undefined;
  const watch = watchPods(ctx, io, {
    startedAt: new Date(startMs),
    stillForward: (signal) => isPending(ctx, { verb, revision: revisionBefore + 1, signal }),
    oldRecords: oldRecords(ctx, io, run),
    latest: `${clock(times.latest)} UTC`,
    onStuck: (found) => {
      given = found;
      io.say(`${givenUpText(found)}: ${stopText(rollsBack, times)}`);
      stuck.abort();
    },
  });
  let started: HelmProcess | undefined;
  const options: DeployOptions = {
    ...helmOptions(ctx, { historyMax, forceConflicts, ...(keepsFailed && { keepsFailed }) }),
    signal: AbortSignal.any([ctx.insist, stuck.signal]),
    inherit: [ctx.lockFd],
    record: async (process) => {
      started = { ...process, verb, ...times, revisionBefore, values, payload: ctx.payload.digest };
      await ctx.recordHelm({ process: started });
      // Not awaited: Helm runs from here on, and a journal that cannot be written must not leave it alone.
      io.checkpoint('helm-at-work').catch(() => {});
    },
  };
  try {
    await helm[verb](options);
  } catch (error) {
    await watch.stop();
    const said = ownMessage(error instanceof IvaapError ? (error.output ?? '') : '');
    const ended = given && `${given.trouble.workload} could not become ready, and Helm's wait was ended`;
    const waited = ended !== undefined || waitedInVain(error, said);
    const which = ended === undefined && hookFailed.test(said) ? 'hooks' : 'all';
    if (which === 'hooks') await watch.lookAtHooks();
    const troubles = waited ? watch.troubles(which) : [];
    const lines = waited ? watch.lines(which) : [];
    throw new IvaapError('failed', ended ?? causeChain(error)[0] ?? 'Helm failed', {
      cause: ended === undefined ? error : undefined,
      output: [saysLess(said, ended !== undefined, troubles) ? '' : foreign(said), ...lines]
        .filter((line) => line !== '')
        .join('\n'),
      hint: fixFor(ctx, { error, said, troubles, lines }),
    });
  } finally {
    await watch.stop();
    // Another Helm on the release after this is not ours; a journal that cannot be written must not hide how
    // Helm ended.
    const ended = { process: started && { ...started, endedAt: ctx.now().toISOString() } };
    if (started !== undefined) await ctx.recordHelm(ended).catch(() => undefined);
    io.signal.removeEventListener('abort', onStop);
    ctx.insist.removeEventListener('abort', onInsist);
  }
  if (ctx.helmJournal().emptied === true) await ctx.recordHelm({ emptied: false });
}

const stopText = (rollsBack: boolean, { latest }: { latest: string }): string =>
  rollsBack
    ? `Helm is asked to stop and rolls back, which may take until ${clock(latest)} UTC`
    : 'Helm is asked to stop: what it has created stays, and the same command resumes from there';

const givenUpText = ({ trouble: { workload, message }, lastedMs }: Given): string =>
  `${workload} cannot become ready (${message}, for ${Math.round(lastedMs / 1000)} s)`;

/**
 * Whether Helm still waits for its new revision: it changes the status before it rolls back. Undefined where
 * the server does not answer.
 */
async function isPending(
  { kubectl, product: { namespace, release } }: StepContext,
  { verb, revision, signal }: { verb: HelmRun['verb']; revision: number; signal: AbortSignal },
): Promise<boolean | undefined> {
  const selector = `owner=helm,name=${release},version=${revision},status=pending-${verb}`;
  const found = await kubectl.list('secrets', { namespace, selector, signal }).catch(() => undefined);
  return found === undefined ? undefined : found.length > 0;
}

/** Says which records are deleted, and counts those that are left: two hundred of them take Helm a minute. */
function oldRecords(
  { kubectl, product: { namespace, release } }: StepContext,
  io: StepIo,
  { records, historyMax }: HelmRun,
): WatchedHelm['oldRecords'] {
  const total = records - (historyMax - 1);
  if (total <= 0) return undefined;
  if (total > 1) {
    io.warn(
      `Helm keeps ${historyMax} records of the release: the ` +
        `${total} oldest of its ${records} revisions are deleted`,
    );
  }
  const label = `owner=helm,name=${release}`;
  const args = ['get', 'secrets', '--namespace', namespace, '--selector', label, '--output=name'];
  return {
    total,
    async left() {
      const answer = await kubectl.run(args, { timeoutMs: 20_000 }).catch(() => undefined);
      if (answer === undefined) return undefined;
      // The new revision's own record comes last.
      return Math.max(0, answer.stdout.split('\n').filter(Boolean).length - historyMax);
    },
  };
}

function stopNotice(rollsBack: boolean, { until, latest }: { until: string; latest: string }): string {
  const limit = rollsBack
    ? `until ${clock(until)} UTC; if it fails it rolls back, until ${clock(latest)} UTC at the latest`
    : `until ${clock(until)} UTC at the latest`;
  const again = rollsBack ? 'Helm stop and roll back' : 'Helm stop';
  return `stopping after Helm, which may run ${limit}; ask a second time to make ${again}`;
}
