import type * as z from 'zod';
import type { StepFact } from './step-fact.ts';

/** Data that survives in state.json: plain JSON only. A key that is undefined is not written. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json | undefined };

/** Whether a step has work. Read-only and cheap: asked again right before `run`. */
export interface Plan {
  /** `run`: it has work; `skip`: it has none, and `summary` says why. */
  action: 'run' | 'skip';
  /** One line for the operator. */
  summary: string;
}

/** What a step expects to do, asked of the host for the dry run and for the summary before the first step. */
export interface Preview {
  /** For the summary before the first step, short; absent where the plan's summary is enough. */
  brief?: string;
  /** For the dry run, a line each; two spaces of indent for each level below the step's own. */
  details: string[];
  /** The same for machines. */
  data: JsonObject;
}

/** How far a running step is. `unit` 'bytes' is drawn as sizes, anything else as counts ("pods"). */
export interface Progress {
  done: number;
  total?: number;
  unit: string;
  /** What is being worked on just now, e.g. an image's name. */
  note?: string;
}

/** What the engine hands to a running step. Steps print nothing: they report here. */
export interface StepIo {
  /** Aborted when the run is asked to stop; a step ends at its next safe point. */
  signal: AbortSignal;
  progress(progress: Progress): void;
  /** One line for the run log and the plain view. */
  log(line: string): void;
  /** Good to know, on any screen; nothing has to be done about it. */
  note(line: string): void;
  /** Something the operator must read now, and that no longer holds at the end of the run. */
  say(line: string): void;
  /** Something the operator must read, shown now and again at the end of the run. */
  warn(line: string): void;
  /** Something the operator has been shown already: again at the end of the run. */
  remind(line: string): void;
  /** A fact of the run's report, such as a dump that was taken. */
  tell(fact: StepFact): void;
  /**
   * Durable before it resolves: what the step was to prove does not hold, and the operator lets it pass. A
   * run with such a step completes, and takes nothing away that a way back needs.
   */
  waived(waiver: { reason: string; by: string }): Promise<void>;
  /**
   * Durable before it resolves: partial results that a later run must know even if this one dies here. Merged
   * over what was recorded before, by top-level key.
   */
  record(data: JsonObject): Promise<void>;
  /**
   * Durable before it resolves: from here on, giving this run up does not take its changes back (Helm starts
   * next). On the first call since a run last completed, the outs of the completed steps become the
   * from-version's anchors, which no re-run replaces.
   */
  pointOfNoReturn(data: JsonObject): Promise<void>;
  /**
   * Durable before it resolves: an attempt that is cut off from here on is known by this name, which says
   * what was just done (`dump-written`). A step may have any number of them, between its side effects.
   */
  checkpoint(name: string): Promise<void>;
  /**
   * Durable before it resolves: what the host was like before any run from this version changed it. The first
   * value of a key stays, for this run and those that supersede it, until one completes.
   */
  recordOriginal(data: JsonObject): Promise<void>;
  /** What `recordOriginal` has kept. */
  originals: JsonObject;
  /**
   * What another step of this run returned, now or in an earlier attempt; undefined when it has not completed
   * or was skipped.
   */
  result<Out>(step: Returning<Out>): Out | undefined;
  /** What an earlier, unfinished attempt at this step recorded; undefined on a first attempt. */
  interrupted: JsonObject | undefined;
}

/** What a step's result is read by: the step itself, or its id and schema where the step is out of reach. */
export interface Returning<Out> {
  readonly id: string;
  /**
   * Plain JSON. It becomes part of state.json: its top-level keys are merged into `derived`, so they are
   * named for what they are (`pgDump`, `snapshot`) and unique among steps. A record of another shape runs
   * again, so that what an older program did not record is optional here.
   */
  readonly out: z.ZodType<Out>;
}

/**
 * One step of a flow: data plus functions. `Ctx` is the flow's own context. A step finds its traces itself:
 * `run` may be called again after a crash at any instruction of an earlier `run`.
 */
export interface Step<
  Ctx,
  Out extends JsonObject = JsonObject,
  P extends Plan = Plan,
> extends Returning<Out> {
  title: string;
  needs: readonly string[];
  /** Raised when the meaning of the recorded result changes, so that older records run again. */
  revision: number;
  /** What the result depends on; a change runs the step again, and all that needs it. */
  inputs(ctx: Ctx): JsonObject;
  /** Also asked right before `run`, after all that it needs: `skip` there records the step as skipped. */
  plan(ctx: Ctx): Promise<P>;
  /**
   * Read-only, from real queries, with nothing that other steps of the run would have to do first. What
   * cannot be queried is reported as not known; a failure is reported the same way and stops nothing.
   */
  preview?(ctx: Ctx, signal: AbortSignal): Promise<Preview>;
  /** `plan` is what was planned right before. */
  run(ctx: Ctx, io: StepIo, plan: P): Promise<Out>;
  /**
   * Post-condition, asked after run and again before a completed step is skipped: metadata only, cheap.
   * Throws when it does not hold.
   */
  verify?(ctx: Ctx, out: Out): Promise<void>;
  /**
   * Called in addition to `verify` before a completed step is skipped: throws when the result is valid but no
   * longer useful (a dump that is old).
   */
  reuse?(ctx: Ctx, out: Out): Promise<void>;
  /** How it is taken back; absent where it leaves nothing but its record. */
  undo?: Undo<Ctx, Out>;
  /** Of a step that undoes one of a suspended run: its record goes when this one completes. */
  undoes?: Undone;
  /**
   * Its work may take hours and is kept: when a sibling fails it is let finish, so that the same command need
   * not do it again. An operator's wish to stop reaches it as any other.
   */
  finishes?: boolean;
  /** Keys of `derived` that a run which starts again clears: what they name is to be made anew. */
  clears?: readonly string[];
}

/** What undoing a step would do, in the operator's words. */
export interface UndoPlan {
  /** What would be removed. */
  removes: string[];
  /** What stays, and where. */
  keeps: string[];
  /** What is not ours or cannot be removed, by name: while there is any of it, nothing is undone. */
  stops: { what: string; hint: string }[];
}

/** How a step is taken back. `done` is what it returned last; undefined where no attempt has completed. */
export interface Undo<Ctx, Out> {
  /** Loses data: asks for the operator's explicit consent. */
  destructive: boolean;
  /** What the record of the suspended run forgets together with the step. */
  forgets?: Pick<Undone, 'pointOfNoReturn' | 'originals'>;
  /** Read-only, from real queries; asked again right before `run`. */
  plan(ctx: Ctx, done: Out | undefined): Promise<UndoPlan>;
  /**
   * Takes back what any attempt of the step has made, complete or not; may be called again after a crash at
   * any instruction. Returns what it left, which becomes part of state.json.
   */
  run(ctx: Ctx, io: StepIo, done: Out | undefined): Promise<JsonObject>;
  /** Throws while anything is there that should be gone; asked again when a rollback resumes. */
  verify(ctx: Ctx, left: JsonObject): Promise<void>;
}

/** What leaves the record of a suspended run. */
export interface Undone {
  step: string;
  /** Also that its point of no return was passed: what it changed for good is not there any more. */
  pointOfNoReturn?: boolean;
  /** Also these keys of what was found before the run; `NAME*`: all that begin so. */
  originals?: readonly string[];
}
