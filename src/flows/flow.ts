import type { RunPlan } from '../engine/run-plan.ts';
import type { RunResult } from '../engine/run.ts';
import type { RunEnd } from '../engine/journal.ts';
import type { Suspends } from '../engine/run-record.ts';
import type { JsonObject, Step } from '../engine/step.ts';
import type { IvaapError } from '../errors.ts';
import type { Product } from '../payload/product-schema.ts';
import type { PreflightReport } from '../policy/preflight-report.ts';
import type { ToldNotes } from '../policy/release-notes.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import type { FlowPorts } from '../session/ports.ts';
import type { Session } from '../session/session.ts';
import type { FlowChecks } from './run-preflight.ts';
import type { Question } from './question.ts';

/** Options that every flow has. */
export interface FlowOptions {
  /** Report what would be done, and change nothing. */
  dryRun: boolean;
  preflightOnly: boolean;
  /** Read the entire payload although an earlier run found it intact. */
  reverify: boolean;
}

/** What every flow decides; each flow adds the facts that it decided from. */
export interface Decision {
  /** Start a new run and close an unfinished one, instead of resuming it. */
  fresh: boolean;
  /** What the operator should know first. */
  notes: readonly string[];
  /** Good to know, and no reason to stop. */
  told?: readonly string[];
  /** A question shows them: once it is answered they only go to the log. */
  asksWithNotes?: boolean;
  /** What the operator answered: recorded with the run, so that nothing of it is asked again. */
  recorded?: JsonObject;
  /**
   * A blocker of a run that can still be planned: a dry run reports it, any other run ends with it.
   */
  refusal?: IvaapError;
}

/** What every flow gives to its steps. */
export interface FlowContext {
  /** Installed version; null on an empty host. */
  from: string | null;
  to: string;
  /** What preflight measured, once it has. */
  preflight: PreflightReport | undefined;
  /** Of an unfinished run that any package of the product resumes: the digest that it is recorded with. */
  runDigest?: string | undefined;
}

/** Everything that a run starts with; nothing was changed yet. */
export interface Prepared<D extends Decision, Ctx extends FlowContext> {
  decision: D;
  ctx: Ctx;
}

/** The result of a flow, as text and as JSON. */
export interface FlowResult {
  lines: string[];
  data: JsonObject;
  /** Of a dry run: the data, to be printed as wide as the reader's screen. */
  plan?: RunPlan;
  /** Of a dry run: the error with which the run itself would be refused. */
  refusal?: IvaapError;
}

/**
 * One way to change a host, as a value; run-flow.ts runs all of them. Only `beforeRun`, `onStarted` and the
 * steps change anything.
 */
export interface Flow<Options extends FlowOptions, D extends Decision, Ctx extends FlowContext> {
  name: string;
  /** Arguments after the program's name, for the lock file. */
  command: string;
  /** Reports the plan before the first step. */
  tellsPlan?: boolean;
  /** `false`: works with the payload's data and programs alone, which are checked when they are read. */
  scansPayload?: false;
  /** Its completion leaves nothing installed. */
  removes?: true;
  /** What its completion records in the place of its release. */
  completes?(ctx: Ctx): RunEnd['completes'];
  /** Throws `usage` for invalid options, before anything is read. */
  assertOptions(options: Options, ports: Pick<FlowPorts, 'again' | 'confirm'>): void;
  /**
   * Whether to lock before anything is decided; otherwise the host is only read until the run may start.
   */
  locksFirst(paths: ProductPaths): boolean;
  /**
   * What an earlier, completed run has left to do; asked first, under the lock where there is one. Undefined
   * where there is nothing.
   */
  rest?(session: Session, options: Options): Promise<FlowResult | undefined>;
  /** Asks for what the options leave open, on a terminal; before anything is measured. */
  complete?(session: Session, options: Options): Promise<Options>;
  /** The gate: whether the run may start at all. Throws a blocker. */
  decide(session: Session, options: Options): Promise<D>;
  /** The context of the steps; from here on the redactor knows the secrets. */
  context(session: Session, options: Options, decision: D): Promise<Ctx>;
  /** What preflight measures. */
  checks?(session: Session, options: Options, prepared: Prepared<D, Ctx>): FlowChecks;
  /** What the run takes away and keeps, as lines: what its question shows, the notes aside. */
  stake?(session: Session, options: Options, decision: D): readonly string[];
  /** The release notes that concern this run, as the plan prints them. */
  releaseNotes?(ctx: Ctx): ToldNotes[];
  /** How the migration of this run was rehearsed, in one line, as the plan prints it. */
  rehearsed?(ctx: Ctx): string | undefined;
  /** The question to the operator before anything is changed; undefined for none. */
  question?(session: Session, options: Options, decision: D): Question | undefined;
  /**
   * Decides again, under the lock: others may have changed the host since, before the lock was taken or while
   * a question waited. Returns the same object where nothing has changed.
   */
  decideAgain?(session: Session, options: Options, prepared: Prepared<D, Ctx>): Promise<D>;
  /** The first changes, under the lock, before the run is recorded. */
  beforeRun?(session: Session, prepared: Prepared<D, Ctx>): Promise<void>;
  steps(product: Product, ctx: Ctx): readonly Step<Ctx>[];
  /** The last run is suspended for it. */
  suspends?: Suspends;
  /**
   * What else stands against the run, once its context is known: a dry run reports all of it beside the plan,
   * any other run ends with the first. Before that the plan is shown where the flow says so.
   */
  blockers?(session: Session, options: Options, prepared: Prepared<D, Ctx>): Promise<readonly IvaapError[]>;
  /** Shows the plan as soon as it is known, before a question and before blockers. */
  showsPlan?: true;
  /**
   * Records facts with the start of the run, durable before its first step; `kept` are the completed steps
   * that are skipped.
   */
  onStarted?(
    session: Session,
    prepared: Prepared<D, Ctx>,
    start: { run: string; kept: readonly string[] },
  ): Promise<void>;
  summarize(ctx: Ctx, result: RunResult): FlowResult;
  /** Where its completion moves the folder of the logs; absent: they stay. */
  logsTo?(ctx: Ctx): string;
  /** The last changes, once the run is recorded as completed and its log has ended. */
  onCompleted?(session: Session, prepared: Prepared<D, Ctx>): Promise<void>;
  /** Takes back what must not outlast a run that has failed or was stopped; throws nothing. */
  onFailed?(session: Session, prepared: Prepared<D, Ctx>): Promise<void>;
  /** Adds what the flow knows to an error of the run. */
  explain?(session: Session, error: unknown): Promise<unknown>;
}
