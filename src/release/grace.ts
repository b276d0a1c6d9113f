import type { Trouble } from './troubles.ts';

/** How many graces a kind gets: what ends by itself more often gets longer. Kinds that are not here are waited for as long as Helm waits. */
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

/** A rollout shows some of it for a moment while it is well: nobody is told before this. */
const quietMs = 10_000;
/** Between two looks no more than this counts: a server that was away has shown nothing. */
const longestLookMs = 10_000;

interface Lasting {
  trouble: Trouble;
  lastedMs: number;
  told: boolean;
}

/** A trouble and how long it is given in all. */
export interface Given {
  trouble: Trouble;
  lastedMs: number;
  graceMs: number;
}

/** Counts how long each trouble lasts without a break: one that clears begins anew. */
export class Grace {
  readonly #graceMs: number;
  #lasting = new Map<string, Lasting>();
  #lastLookMs: number | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** What is to be told now, and what cannot be waited for any longer. `nowMs` goes on evenly. */
  look(troubles: readonly Trouble[], nowMs: number): { begun: Given[]; over: Given[] } {
    const passedMs = Math.min(nowMs - (this.#lastLookMs ?? nowMs), longestLookMs);
    this.#lastLookMs = nowMs;
    const seen = new Map<string, Lasting>();
    const begun: Given[] = [];
    const over: Given[] = [];
    for (const trouble of troubles) {
      const factor = trouble.overdue ? 1 : graces[trouble.kind];
      if (factor === undefined || !trouble.ofRelease) continue;
      const key = `${trouble.workload} ${trouble.kind}`;
      const before = this.#lasting.get(key);
      const lastedMs = before === undefined ? 0 : before.lastedMs + passedMs;
      const given = { trouble, lastedMs, graceMs: factor * this.#graceMs };
      const told = before?.told === true || lastedMs >= quietMs;
      if (told && before?.told !== true) begun.push(given);
      if (lastedMs >= given.graceMs) over.push(given);
      seen.set(key, { trouble, lastedMs, told });
    }
    this.#lasting = seen;
    return { begun, over };
  }
}
