/** What a copy that is being migrated tells at one time. */
export interface MigrationSample {
  atMs: number;
  /** Of the schema, as the product's query has it. */
  version: number;
  /** Transactions that were rolled back there since it was made. */
  rollbacks: number;
  /** How long the oldest open transaction of the migration has lasted, in seconds; 0 where there is none. */
  openSeconds: number;
}

/** As often the same migration may fail before it counts as failed: programs try again for ever. */
const mostRollbacks = 5;
/** A transaction that is older than this does something. */
const busySeconds = 2;

/**
 * Tells a migration that takes long from one that does not come on: a program whose migration fails often
 * just tries again, and its pod stays.
 */
export class MigrationWatch {
  readonly #quietMs: number;
  #version: number | undefined;
  #objects: string | undefined;
  #rollbacks = 0;
  #busyAt = 0;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** Why it does not come on; undefined while it may. `objects` reads a hash of the schema's objects. */
  async judge(sample: MigrationSample, objects: () => Promise<string>): Promise<string | undefined> {
    const { atMs, version, rollbacks, openSeconds } = sample;
    if (this.#version === undefined || version !== this.#version || openSeconds > busySeconds) {
      if (version !== this.#version) this.#rollbacks = rollbacks;
      this.#version = version;
      this.#busyAt = atMs;
      return undefined;
    }
    const tried = rollbacks - this.#rollbacks;
    if (tried >= mostRollbacks) {
      const now = await objects();
      if (now === this.#objects) return `it failed ${tried} times at schema version ${version}`;
      this.#objects = now;
      this.#rollbacks = rollbacks;
      this.#busyAt = atMs;
      return undefined;
    }
    if (atMs - this.#busyAt < this.#quietMs) return undefined;
    return `for ${Math.round(this.#quietMs / 1000)} s nothing was done at schema version ${version}`;
  }
}
