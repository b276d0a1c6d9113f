import { setTimeout as sleep } from 'node:timers/promises';
import type { StepIo } from '../engine/step.ts';
import { lookAround, type Sight } from '../host/sight.ts';
import type { StepContext } from './context.ts';
import { type Given, Grace } from './grace.ts';
import { mayMigrate } from './migrating.ts';
import { causeLines, lastWords } from './trouble-words.ts';
import { causesOf, podCount, surestFirst, type Trouble, troublesOf } from './troubles.ts';

const pauseMs = 3000;
const logEveryMs = 9000;
const defaultGraceSeconds = 90;
const surelyResting = 3;

/** The Helm that is watched. */
export interface WatchedHelm {
  begun: Date;
  /** Whether it still waits for its new revision; undefined where that cannot be asked. Once it rolls back it is never disturbed. */
  stillForward(signal: AbortSignal): Promise<boolean | undefined>;
  /** Told once, when something cannot be waited for any longer. */
  onHopeless(given: Given): void;
  /** Records of the release that Helm takes away before anything else, and how many are left now. */
  oldRecords: { total: number; left(): Promise<number | undefined> } | undefined;
}

/** What was seen of the pods while Helm worked: a rollback deletes the failing ones before anybody can ask them. */
export interface PodWatch {
  /** What kept the release from getting ready when it was last seen, the surest first. */
  troubles(): Trouble[];
  /** The same in lines. */
  lines(): string[];
  stop(): Promise<void>;
}

interface Remembered {
  trouble: Trouble;
  log: string[];
  askedMs: number;
}

const keyOf = ({ workload, kind }: Trouble): string => `${workload} ${kind}`;

/** Looks at the namespace now and then: how many pods of those wanted are ready, what is wrong, and what will not get right any more. */
export function watchPods(ctx: StepContext, io: StepIo, helm: WatchedHelm): PodWatch {
  const { kubectl, product } = ctx;
  const { namespace } = product;
  const stopped = new AbortController();
  const { signal } = stopped;
  const grace = new Grace((product.helm.graceSeconds ?? defaultGraceSeconds) * 1000);
  const remembered = new Map<string, Remembered>();
  /** From then on what is seen is of the rollback. */
  let goesBack = false;
  /** Until Helm has its revision on record nothing can be said of what became of that. */
  let wasForward = false;
  let givenUp = false;
  /** By workload: looks one after the other at which nobody was at work on the schema. Between two statements a migration rests. */
  const resting = new Map<string, number>();
  const told = new Set<string>();
  let recordsLeft = helm.oldRecords !== undefined;

  async function isForward(): Promise<boolean | undefined> {
    const answer = await helm.stillForward(signal);
    if (answer === true) wasForward = true;
    if (answer === false && wasForward) goesBack = true;
    return answer;
  }

  async function remember(troubles: readonly Trouble[]): Promise<void> {
    const seen = new Set(troubles.map(keyOf));
    const cleared = [...remembered.keys()].filter((key) => !seen.has(key));
    if (cleared.length > 0) {
      const forward = await isForward();
      // Cleared, or taken away by a rollback: where nobody can say, what was seen stays.
      if (goesBack || forward === undefined) return;
      for (const key of cleared) remembered.delete(key);
    }
    for (const trouble of troubles) {
      const known = remembered.get(keyOf(trouble)) ?? { trouble, log: [], askedMs: -Infinity };
      const now = performance.now();
      if (now - known.askedMs >= logEveryMs) {
        const log = await lastWords(kubectl, namespace, trouble, signal);
        if (log.length > 0) known.log = log;
        known.askedMs = now;
      }
      const { probe = known.trouble.probe, event = known.trouble.event } = trouble;
      remembered.set(keyOf(trouble), { ...known, trouble: { ...trouble, probe, event } });
    }
  }

  async function giveUp(over: readonly Given[]): Promise<void> {
    for (const given of over) {
      const { kind, workload } = given.trouble;
      if (kind === 'unready' || kind === 'deadline') {
        const looks = (await mayMigrate(ctx, given.trouble, signal)) ? 0 : (resting.get(workload) ?? 0) + 1;
        resting.set(workload, looks);
        if (looks < surelyResting) continue;
      }
      if ((await isForward()) !== true || signal.aborted) return;
      givenUp = true;
      helm.onHopeless(given);
      return;
    }
  }

  /** A node that takes no pods is one cause, however many workloads have it. */
  function tell(begun: readonly Given[]): void {
    for (const { trouble, graceMs } of begun) {
      if (told.has(trouble.words)) continue;
      told.add(trouble.words);
      const all = begun.filter((given) => given.trouble.words === trouble.words);
      const names = [...new Set(all.map((given) => given.trouble.workload))].join(', ');
      const seconds = Math.round(graceMs / 1000);
      io.say(`${names}: ${trouble.words}; it is given ${seconds} s to heal, then Helm's wait is ended`);
    }
  }

  async function look(): Promise<void> {
    if (recordsLeft) recordsLeft = await showRecords(helm, io);
    // A look that fails is no news: Helm's own result is what counts.
    const sight = await lookAround(kubectl, { namespace, signal }).catch(() => undefined);
    if (sight === undefined) return;
    const troubles = troublesOf(sight, { now: ctx.now(), since: helm.begun, release: product.release });
    if (!recordsLeft) showPods(sight, troubles, io);
    if (!wasForward) await isForward();
    if (goesBack) return;
    await remember(troubles);
    if (goesBack || givenUp) return;
    const { begun, over } = grace.look(troubles, performance.now());
    const { causes } = causesOf(troubles);
    tell(begun.filter(({ trouble }) => causes.includes(trouble)));
    await giveUp(over);
  }

  const watching = (async () => {
    while (!signal.aborted) {
      await look().catch(() => undefined);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  const seen = () => [...remembered.values()].map(({ trouble }) => trouble);
  return {
    troubles: () => causesOf(seen().sort(surestFirst)).causes,
    lines: () => causeLines(seen(), (trouble) => remembered.get(keyOf(trouble))?.log ?? []),
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}

function showPods({ controllers }: Sight, [first]: readonly Trouble[], io: StepIo): void {
  const counts = controllers.map(podCount).filter((count) => count !== undefined);
  const sum = (of: 'wanted' | 'ready') => counts.reduce((total, count) => total + count[of], 0);
  const note = first === undefined ? {} : { note: `${first.workload}: ${first.words}` };
  io.progress({ done: sum('ready'), total: sum('wanted'), unit: 'pods', ...note });
}

/** Whether Helm still takes old records away, one after the other, before it changes anything. */
async function showRecords({ oldRecords }: WatchedHelm, io: StepIo): Promise<boolean> {
  if (oldRecords === undefined) return false;
  const left = await oldRecords.left();
  if (left === undefined) return true;
  const { total } = oldRecords;
  io.progress({
    done: total - left,
    total,
    unit: 'old records of Helm',
    note: 'taken away before it begins',
  });
  return left > 0;
}
