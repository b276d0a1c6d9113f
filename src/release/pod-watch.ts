import { setTimeout as sleep } from 'node:timers/promises';
import type { StepIo } from '../engine/step.ts';
import { readNamespace, type NamespaceView } from '../host/namespace-view.ts';
import type { StepContext } from './context.ts';
import { type Given, Grace } from './grace.ts';
import { mayMigrate } from './migrating.ts';
import { causeLines, lastOutput } from './trouble-text.ts';
import { causesOf, podCount, surestFirst, type Trouble, troublesOf, mayBeAtWork } from './troubles.ts';

const pauseMs = 3000;
const logEveryMs = 9000;
const defaultGraceSeconds = 90;

/** How long a trouble may last, in milliseconds. */
export const graceMsOf = ({ helm }: Pick<StepContext['product'], 'helm'>): number =>
  (helm.graceSeconds ?? defaultGraceSeconds) * 1000;

const idleLooks = 3;

/** The Helm process that is watched. */
export interface WatchedHelm {
  startedAt: Date;
  /**
   * Whether it still waits for its new revision; undefined where the server does not answer. A rollback is
   * never disturbed.
   */
  stillForward(signal: AbortSignal): Promise<boolean | undefined>;
  /** Called once, when something is not worth waiting for any longer. */
  onStuck(given: Given): void;
  /** The latest time at which it ends, as text. */
  latest: string;
  /** Records of the release that Helm deletes before anything else, and how many are left now. */
  oldRecords: { total: number; left(): Promise<number | undefined> } | undefined;
}

/**
 * What was seen of the pods while Helm ran: a rollback deletes the failing ones before anybody can look at
 * them.
 */
export interface PodWatch {
  /** What kept the release, or a hook of it, from getting ready when last seen, the most certain first. */
  troubles(of?: Which): Trouble[];
  /** The same as lines. */
  lines(of?: Which): string[];
  stop(): Promise<void>;
  /**
   * A hook may have started and failed between two looks; its objects can still be read after Helm has ended.
   */
  lookAtHooks(): Promise<void>;
}

type Which = 'all' | 'hooks';

interface Remembered {
  trouble: Trouble;
  log: string[];
  askedMs: number;
}

const keyOf = ({ workload, kind }: Trouble): string => `${workload} ${kind}`;

/**
 * Looks at the namespace at intervals: how many of the wanted pods are ready, what is wrong, and what will
 * not get ready any more.
 */
export function watchPods(ctx: StepContext, io: StepIo, helm: WatchedHelm): PodWatch {
  const { kubectl, product } = ctx;
  const { namespace } = product;
  const stopped = new AbortController();
  const { signal } = stopped;
  const graceMs = graceMsOf(product);
  const grace = { forward: new Grace(graceMs), back: new Grace(graceMs) };
  const remembered = new Map<string, Remembered>();
  /** Set when Helm rolls back: what is seen then is of the rollback. */
  let rollsBack = false;
  /** Until Helm has recorded its revision, its absence means nothing. */
  let wasForward = false;
  let givenUp = false;
  /**
   * By workload: consecutive looks at which nobody worked on the schema. A migration is idle between two
   * statements.
   */
  const idle = new Map<string, number>();
  const reported = { forward: new Set<string>(), back: new Set<string>() };
  let recordsLeft = helm.oldRecords !== undefined;

  async function isForward(): Promise<boolean | undefined> {
    const answer = await helm.stillForward(signal);
    if (answer === true) wasForward = true;
    if (answer === false && wasForward) rollsBack = true;
    return answer;
  }

  async function remember(troubles: readonly Trouble[]): Promise<void> {
    const seen = new Set(troubles.map(keyOf));
    for (const key of remembered.keys()) if (!seen.has(key)) remembered.delete(key);
    for (const trouble of troubles) {
      const known = remembered.get(keyOf(trouble)) ?? { trouble, log: [], askedMs: -Infinity };
      const now = performance.now();
      if (now - known.askedMs >= logEveryMs) {
        const log = await lastOutput(kubectl, namespace, trouble, signal);
        if (log.length > 0) known.log = log;
        known.askedMs = now;
      }
      const { probe = known.trouble.probe, event = known.trouble.event } = trouble;
      remembered.set(keyOf(trouble), { ...known, trouble: { ...trouble, probe, event } });
    }
  }

  async function giveUp(expired: readonly Given[]): Promise<void> {
    for (const given of expired) {
      const { workload } = given.trouble;
      if (mayBeAtWork(given.trouble)) {
        const looks = (await mayMigrate(ctx, given.trouble, signal)) ? 0 : (idle.get(workload) ?? 0) + 1;
        idle.set(workload, looks);
        if (looks < idleLooks) continue;
      }
      if ((await isForward()) !== true || signal.aborted) return;
      givenUp = true;
      helm.onStuck(given);
      return;
    }
  }

  /** A node that accepts no pods is one cause, however many workloads it affects. */
  function report(way: 'forward' | 'back', toReport: readonly Given[]): void {
    for (const { trouble, graceMs: given } of toReport) {
      if (reported[way].has(trouble.message)) continue;
      reported[way].add(trouble.message);
      const all = toReport.filter((one) => one.trouble.message === trouble.message);
      const names = [...new Set(all.map((one) => one.trouble.workload))].join(', ');
      const then =
        way === 'forward'
          ? `it has ${Math.round(given / 1000)} s to recover, then Helm's wait is ended`
          : `Helm's rollback waits for it until ${helm.latest} at the latest, and continues once it is fixed`;
      io.say(`${names}: ${trouble.message}; ${then}`);
    }
  }

  /** A look that fails is ignored: Helm's own result is what counts. */
  async function see(until?: AbortSignal): Promise<{ view: NamespaceView; troubles: Trouble[] } | undefined> {
    const scope = until === undefined ? { namespace } : { namespace, signal: until };
    const view = await readNamespace(kubectl, scope).catch(() => undefined);
    if (view === undefined) return undefined;
    const looking = { now: ctx.now(), since: helm.startedAt, release: product };
    return { view, troubles: troublesOf(view, looking) };
  }

  async function look(): Promise<void> {
    if (recordsLeft) recordsLeft = await showRecords(helm, io);
    const found = await see(signal);
    if (found === undefined) return;
    const { view, troubles } = found;
    if (!recordsLeft) showPods(view, troubles, io);
    // Queried after the look: what was seen then is of the new release, and not of a rollback that Helm
    // started.
    const forward = await isForward();
    if (rollsBack)
      return report('back', causing(grace.back.look(troubles, performance.now()).toReport, troubles));
    // Where it is not known whether Helm rolls back, what was seen before stays.
    if (forward !== undefined || !wasForward) await remember(troubles);
    if (givenUp) return;
    const { toReport, expired } = grace.forward.look(troubles, performance.now());
    report('forward', causing(toReport, troubles));
    await giveUp(expired);
  }

  const watching = (async () => {
    while (!signal.aborted) {
      await look().catch(() => undefined);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  // Helm runs a post-upgrade hook once the rollout is ready: then nothing else is the cause of its failure.
  const seen = (which: Which) =>
    [...remembered.values()].map(({ trouble }) => trouble).filter(({ ofHook }) => which === 'all' || ofHook);
  return {
    troubles: (which = 'all') => causesOf(seen(which).sort(surestFirst)).causes,
    lines: (which = 'all') => causeLines(seen(which), (trouble) => remembered.get(keyOf(trouble))?.log ?? []),
    async stop() {
      stopped.abort();
      await watching;
    },
    async lookAtHooks() {
      const troubles = (await see())?.troubles ?? [];
      for (const trouble of troubles.filter(({ kind, ofHook }) => ofHook && kind !== 'unready')) {
        for (const [key, known] of remembered) {
          if (known.trouble.workload === trouble.workload) remembered.delete(key);
        }
        const log = await lastOutput(kubectl, namespace, trouble);
        remembered.set(keyOf(trouble), { trouble, log, askedMs: Infinity });
      }
    },
  };
}

/** Without troubles that may only be a consequence of another. */
function causing(given: readonly Given[], troubles: readonly Trouble[]): Given[] {
  const { causes } = causesOf(troubles);
  return given.filter(({ trouble }) => causes.includes(trouble));
}

function showPods({ controllers }: NamespaceView, [first]: readonly Trouble[], io: StepIo): void {
  const counts = controllers.map(podCount).filter((count) => count !== undefined);
  const sum = (of: 'wanted' | 'ready') => counts.reduce((total, count) => total + count[of], 0);
  const note = first === undefined ? undefined : `${first.workload}: ${first.message}`;
  io.progress({ done: sum('ready'), total: sum('wanted'), unit: 'pods', note });
}

/** Whether Helm still deletes old records, one after the other, before it changes anything. */
async function showRecords({ oldRecords }: WatchedHelm, io: StepIo): Promise<boolean> {
  if (oldRecords === undefined) return false;
  const left = await oldRecords.left();
  if (left === undefined) return true;
  const { total } = oldRecords;
  io.progress({
    done: total - left,
    total,
    unit: 'old records of Helm',
    note: 'deleted before Helm starts',
  });
  return left > 0;
}
