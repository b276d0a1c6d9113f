import { IvaapError } from '../errors.ts';
import { unmarked } from '../foreign.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Disk } from './disk.ts';
import { nodeDisk } from './disk.ts';
import {
  completeRecord,
  startRecord,
  markStale,
  passPointOfNoReturn,
  resumable,
  resumeRecord,
} from './run-record.ts';
import type { RunSpec, Suspends } from './run-record.ts';
import { emptyState, parseState, stateVersion } from './state.ts';
import type { RunRecord, State, StepRecord } from './state.ts';
import {
  beginUndo,
  closeSuspended,
  endRollback,
  forgetUndone,
  withoutIdleRollback,
} from './rollback-record.ts';
import type { JsonObject, Undone } from './step.ts';
import type { VersionScheme } from '../version.ts';
import { readStateOf } from './whose-state.ts';
import { writeState } from './write-state.ts';

/** What the completion of a run means, where it is not that its release is installed. */
export interface RunEnd {
  /** Nothing is installed any more. */
  removes?: boolean | undefined;
  /** Records what is, in the same write. */
  completes?: ((draft: State, now: string) => void) | undefined;
}

export interface JournalOptions {
  /** state.json; its folder is made (0700) when missing. */
  path: string;
  product: string;
  /** How it counts its releases; `calver` unless said otherwise. */
  scheme?: VersionScheme;
  disk?: Disk;
  clock?: Clock;
}

/**
 * The only writer of the state file. Each change is durable before its promise resolves: written to a
 * temporary name, fsynced, renamed, folder fsynced, one after the other. A change whose write fails leaves
 * the state as it was.
 */
export class Journal {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  #state: State;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(state: State, options: JournalOptions) {
    this.#state = deepFreeze(state);
    this.#path = options.path;
    this.#disk = options.disk ?? nodeDisk;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Throws as readState does, `preflight` when the file is another product's, and `version` when its releases
   * are counted by another scheme. Changes nothing.
   */
  static async open(options: JournalOptions): Promise<Journal> {
    const { path, product, scheme = 'calver', disk } = options;
    const state = await readStateOf({ product, scheme }, path, disk);
    return new Journal(state ?? emptyState(product, scheme), options);
  }

  /**
   * Starts with this state whatever is at the path; durable when it resolves. The caller that repairs a state
   * has saved what was there.
   */
  static async begin(options: JournalOptions, state: State): Promise<Journal> {
    const journal = new Journal(state, options);
    await journal.update(() => {});
    return journal;
  }

  /** What is durable now; frozen, changed through the methods below only. */
  get state(): Readonly<State> {
    return this.#state;
  }

  get run(): Readonly<RunRecord> | undefined {
    return this.#state.run;
  }

  /**
   * Applies `change` to a copy of the state and makes it durable; for waivers, skipped backups and the like.
   */
  update(change: (draft: State, now: string) => void): Promise<void> {
    const written = this.#queue.then(() => this.#write(change));
    this.#queue = written.catch(() => undefined);
    return written;
  }

  async #write(change: (draft: State, now: string) => void): Promise<void> {
    const draft = structuredClone(this.#state);
    change(draft, this.#clock.now().toISOString());
    // A newer binary's minor is kept: its fields are still in the file.
    draft.schema.minor = Math.max(draft.schema.minor, stateVersion.minor);
    const text = `${unmarked(JSON.stringify(draft, null, 2))}\n`;
    const next = parseState(text, this.#path);
    await writeState(this.#disk, this.#path, text);
    this.#state = deepFreeze(next);
  }

  /**
   * From here on a rollback that has undone nothing is over, and what was installed is installed again;
   * durable with the next change.
   */
  leaveIdleRollback(): void {
    this.#state = deepFreeze(withoutIdleRollback(this.#state));
  }

  /** From here on this is the state: a copy of one whose file is gone. Durable with the next change. */
  goOnWith(state: State): void {
    this.#state = deepFreeze(structuredClone(state));
  }

  /**
   * Starts a run, or resumes an unfinished one of the same flow, payload and from-version. `fresh` starts
   * again in any case and clears the derived keys of `clears`. A run that is left unfinished is closed as
   * superseded; its point of no return and its originals stay known. With `suspends` the last run is not
   * closed: it is the last run again afterwards, or where the new one is given up early. Whether a run may
   * start or resume at all is decided before, by policy.
   */
  async startRun(
    spec: RunSpec,
    order: readonly string[],
    options: { fresh?: boolean; clears?: readonly string[]; suspends?: Suspends | undefined } = {},
  ): Promise<{ resumed: boolean }> {
    const fresh = options.fresh === true;
    if (!resumable(this.#state.run, spec, fresh)) this.leaveIdleRollback();
    const resumed = resumable(this.#state.run, spec, fresh);
    await this.update((draft, now) => {
      if (resumed && draft.run) resumeRecord(draft.run, spec, order);
      else {
        const { suspends, clears = [] } = options;
        startRecord(draft, { spec, order, now, clears: fresh ? clears : [], suspends });
      }
    });
    return { resumed };
  }

  /**
   * Durable before the step's first side effect; `stale` names the completed steps that its new result
   * invalidates.
   */
  stepRunning(
    id: string,
    facts: { inputsHash: string; revision: number },
    stale: Iterable<string>,
  ): Promise<void> {
    return this.#step(id, (run, now, draft) => {
      beginUndo(draft, id);
      const earlier = run.steps[id];
      const recorded = earlier !== undefined && earlier.status !== 'completed' ? earlier.recorded : undefined;
      run.steps[id] = {
        status: 'running',
        startedAt: now,
        attempts: (earlier?.attempts ?? 0) + 1,
        ...facts,
        recorded,
        earlier: earlierResult(earlier),
      };
      markStale(run, stale);
    });
  }

  stepRecorded(id: string, data: JsonObject): Promise<void> {
    return this.#step(id, (run) => {
      const step = run.steps[id];
      if (step) step.recorded = { ...step.recorded, ...data };
    });
  }

  /** What a running step has passed: its last checkpoint, or `verified`. */
  stepPassed(id: string, place: string): Promise<void> {
    return this.#step(id, (run) => {
      const step = run.steps[id];
      if (step) step.place = place;
    });
  }

  /** `undone` leaves the suspended run in the same write. */
  stepCompleted(id: string, out: JsonObject, undone?: Undone): Promise<void> {
    return this.#step(id, (run, now, draft) => {
      const step = run.steps[id];
      if (!step) return;
      step.status = 'completed';
      step.finishedAt = now;
      step.out = out;
      delete step.recorded;
      delete step.place;
      delete step.earlier;
      if (undone !== undefined) forgetUndone(draft, undone);
      draft.derived = { ...draft.derived, ...out };
    });
  }

  stepSkipped(
    id: string,
    reason: string,
    facts: { inputsHash: string; revision: number },
    stale: Iterable<string>,
  ): Promise<void> {
    return this.#step(id, (run, now) => {
      const attempts = run.steps[id]?.attempts ?? 1;
      run.steps[id] = {
        status: 'skipped',
        startedAt: now,
        finishedAt: now,
        attempts,
        reason,
        ...facts,
        earlier: earlierResult(run.steps[id]),
        recorded: run.steps[id]?.recorded,
      };
      markStale(run, stale);
    });
  }

  /** Beside the step, and among the waivers with who, when and why. */
  stepWaived(id: string, { reason, by }: { reason: string; by: string }): Promise<void> {
    return this.#step(id, (run, now, draft) => {
      const step = run.steps[id];
      if (step) step.waived = reason;
      draft.waivers.push({ by, at: now, run: run.id, id, reason });
    });
  }

  stepFailed(id: string, error: { code: string; message: string }): Promise<void> {
    return this.#step(id, (run, now) => {
      const step = run.steps[id];
      if (!step) return;
      step.status = 'failed';
      step.finishedAt = now;
      step.error = error;
      const point = run.pointOfNoReturn;
      if (point?.step === id) point.ends = [...(point.ends ?? []), { at: now, code: error.code }];
    });
  }

  /** `at`: when it was passed, where that was found out later. */
  pointOfNoReturn(step: string, data: JsonObject, at?: string): Promise<void> {
    return this.#step(step, (run, now, draft) => {
      passPointOfNoReturn(draft, run, { at: at ?? now, step, data });
    });
  }

  /**
   * Keeps what was there before any unfinished run from this version; a key that is there already stays as it
   * is.
   */
  originalRecorded(step: string, data: JsonObject): Promise<void> {
    return this.#step(step, (run) => {
      run.originals = { ...data, ...run.originals };
    });
  }

  /**
   * Of a rollback: the run that was suspended is the last one again. Otherwise the release is installed:
   * anchors of versions before `from` have served their time, those of `from` are kept. Where a step was
   * waived it is not proved that the release works, and all are kept. `removes`: nothing is installed any
   * more. `completes` says in their place what is installed; a run that was suspended for it is closed.
   */
  runCompleted({ removes = false, completes }: RunEnd = {}): Promise<void> {
    return this.update((draft, now) => {
      const { run } = draft;
      if (!run) throw new IvaapError('bug', 'no run to complete');
      run.status = 'completed';
      run.finishedAt = now;
      if (removes) {
        delete draft.installed;
        delete draft.suspended;
        return;
      }
      if (completes !== undefined) {
        completes(draft, now);
        return closeSuspended(draft);
      }
      if (draft.suspended !== undefined) return endRollback(draft, run, draft.suspended, now);
      completeRecord(draft, run, now);
    });
  }

  runFailed(error: { code: string; message: string; step?: string }): Promise<void> {
    return this.update((draft, now) => {
      if (!draft.run) throw new IvaapError('bug', 'no run to fail');
      draft.run.status = 'failed';
      draft.run.finishedAt = now;
      draft.run.error = error;
    });
  }

  #step(id: string, change: (run: RunRecord, now: string, draft: State) => void): Promise<void> {
    return this.update((draft, now) => {
      if (!draft.run) throw new IvaapError('bug', `step ${id} is recorded outside a run`);
      change(draft.run, now, draft);
    });
  }
}

/** What it returned when it last completed stays known until it does again. */
function earlierResult(step: StepRecord | undefined): JsonObject | undefined {
  return step?.out ?? step?.earlier;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
