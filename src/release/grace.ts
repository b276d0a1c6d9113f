import type { Trouble } from './troubles.ts';

/**
 * How many grace periods a kind gets: kinds that often end by themselves get more. Kinds that are not listed
 * are waited for as long as Helm waits.
 */
const graces: Partial<Record<Trouble['kind'], number>> = {
  refused: 1,
  job: 1,
  unschedulable: 1,
  image: 1,
  config: 1,
  stuck: 2,
  crash: 3,
  deadline: 1,
};

/** A healthy rollout shows some of it for a moment: nothing is reported before this. */
const quietMs = 10_000;
/** Between two looks at most this counts: while the server was away nothing was seen. */
const longestLookMs = 10_000;

interface Lasting {
  trouble: Trouble;
  lastedMs: number;
  reported: boolean;
}

/** A trouble, how long it has lasted, and its grace period. */
export interface Given {
  trouble: Trouble;
  lastedMs: number;
  graceMs: number;
}

/** Counts how long each trouble lasts without a break: one that clears starts again at 0. */
export class Grace {
  readonly #graceMs: number;
  #lasting = new Map<string, Lasting>();
  #lastLookMs: number | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** What is to be reported now, and what has used up its grace period. `nowMs` is a monotonic clock. */
  look(troubles: readonly Trouble[], nowMs: number): { toReport: Given[]; expired: Given[] } {
    const passedMs = Math.min(nowMs - (this.#lastLookMs ?? nowMs), longestLookMs);
    this.#lastLookMs = nowMs;
    const seen = new Map<string, Lasting>();
    const toReport: Given[] = [];
    const expired: Given[] = [];
    for (const trouble of troubles) {
      const factor = trouble.overdue ? 1 : graces[trouble.kind];
      if (factor === undefined || !trouble.ofRelease) continue;
      const key = `${trouble.workload} ${trouble.kind}`;
      const before = this.#lasting.get(key);
      const lastedMs = before === undefined ? 0 : before.lastedMs + passedMs;
      const given = { trouble, lastedMs, graceMs: factor * this.#graceMs };
      const reported = before?.reported === true || lastedMs >= quietMs;
      if (reported && before?.reported !== true) toReport.push(given);
      if (lastedMs >= given.graceMs) expired.push(given);
      seen.set(key, { trouble, lastedMs, reported });
    }
    this.#lasting = seen;
    return { toReport, expired };
  }
}
