import type { RunPlan } from '../engine/run-plan.ts';
import type { RunResult } from '../engine/run.ts';
import type { JsonObject, Step } from '../engine/step.ts';
import type { IvaapError } from '../errors.ts';
import type { Product } from '../payload/product-schema.ts';
import type { PreflightReport } from '../policy/preflight-report.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import type { FlowPorts } from '../session/ports.ts';
import type { Session } from '../session/session.ts';
import type { FlowChecks } from './run-preflight.ts';
import type { Question } from './question.ts';

/** Options that every flow has. */
export interface FlowOptions {
  /** Tell what would be done, and change nothing. */
  dryRun: boolean;
  preflightOnly: boolean;
  /** Read the whole payload although an earlier run found it intact. */
  reverify: boolean;
}

/** What every flow decides; each adds what it was decided from. */
export interface Decision {
  /** Start a new run and close an unfinished one, instead of resuming it. */
  fresh: boolean;
  /** What the operator should know first. */
  notes: readonly string[];
  /**
   * What stands against it although it can still be planned: a dry run tells it, any other run ends with it.
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
}

/** All that a run starts with, nothing of it changed yet. */
export interface Prepared<D extends Decision, Ctx extends FlowContext> {
  decision: D;
  ctx: Ctx;
}

/** What a flow has to say at its end, for people and for machines. */
export interface FlowResult {
  lines: string[];
  data: JsonObject;
  /** Of a dry run: what the data says, to be told in lines as wide as the reader's screen. */
  plan?: RunPlan;
  /** Of a dry run: the error with which the run itself would end at once. */
  refusal?: IvaapError;
}

/**
 * One way to change a host, as a value; run-flow.ts runs all of them. Only `beforeRun`, `onStarted` and the steps
 * change anything.
 */
export interface Flow<Options extends FlowOptions, D extends Decision, Ctx extends FlowContext> {
  name: string;
  /** What follows the program's name, for the lock file. */
  command: string;
  /** Tells the plan before the first step. */
  tellsPlan?: boolean;
  /** Throws `usage` for options that cannot be, before anything is looked at. */
  assertOptions(options: Options, ports: Pick<FlowPorts, 'again' | 'confirm'>): void;
  /**
   * Whether to lock before anything is decided; otherwise the host is only looked at until the run may start.
   */
  locksFirst(paths: ProductPaths): boolean;
  /** The gate: may it start at all? Throws what stands against it. */
  decide(session: Session, options: Options): Promise<D>;
  /** What the steps are given; secrets are known to the redactor from here on. */
  context(session: Session, options: Options, decision: D): Promise<Ctx>;
  /** What preflight measures. */
  checks?(session: Session, options: Options, prepared: Prepared<D, Ctx>): FlowChecks;
  /** What the operator is asked before anything is changed; undefined where nothing is due. */
  question?(session: Session, options: Options, decision: D): Question | undefined;
  /**
   * Decides again, under the lock, what others may have changed since: without the lock, or while a question
   * waited. Gives the same object where nothing has changed.
   */
  decideAgain?(session: Session, options: Options, prepared: Prepared<D, Ctx>): Promise<D>;
  /** The first changes, under the lock, before the run is recorded. */
  beforeRun?(session: Session, prepared: Prepared<D, Ctx>): Promise<void>;
  steps(product: Product): readonly Step<Ctx>[];
  /**
   * What is recorded with the start of the run, durable before its first step; `kept` are the completed steps
   * that are skipped.
   */
  onStarted?(
    session: Session,
    prepared: Prepared<D, Ctx>,
    start: { run: string; kept: readonly string[] },
  ): Promise<void>;
  summarize(ctx: Ctx, result: RunResult): FlowResult;
  /** Adds to an error of the run what the flow knows. */
  explain?(session: Session, error: unknown): Promise<unknown>;
}
