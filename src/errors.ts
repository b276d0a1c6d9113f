import { foreign, unmarked } from './foreign.ts';

/**
 * Every expected failure of the product is an {@link IvaapError} with one of these codes; main.ts turns the
 * code into the process's exit code. docs/exit-codes.md is generated from this table.
 */
export const errorCodes = {
  declined: { exit: 1, meaning: 'the question was answered with no; nothing was changed' },
  usage: { exit: 2, meaning: 'the command line, or a file named on it, cannot be used as given' },
  preflight: { exit: 3, meaning: 'the host does not meet a requirement; nothing was changed' },
  payload: { exit: 4, meaning: 'the payload is damaged, incomplete, missing or not trusted' },
  version: { exit: 5, meaning: 'refused by the version policy; nothing was changed' },
  failed: {
    exit: 6,
    meaning: 'a step failed; fix the cause and run the same command again: it resumes there',
  },
  rolled_back: {
    exit: 7,
    meaning: 'failed; Helm rolled back, the schema is unchanged and the old release probes healthy',
  },
  schema_moved: {
    exit: 8,
    meaning:
      'failed, and the database schema has moved or changed, or the data went to another major version of ' +
      'PostgreSQL: going back needs what was there before restored',
  },
  locked: { exit: 9, meaning: 'another run holds the lock' },
  nothing_to_do: {
    exit: 10,
    meaning:
      'nothing to do: already deployed (--reapply runs it anyway), nothing installed, or nothing to resume ' +
      'or to undo',
  },
  bug: { exit: 70, meaning: 'a defect in this program; the run log has what a report needs' },
  interrupted: {
    exit: 130,
    meaning: 'stopped by SIGINT or SIGQUIT at a safe point; run the same command again',
  },
  terminated: {
    exit: 143,
    meaning: 'stopped by SIGTERM or SIGXCPU at a safe point; run the same command again',
  },
} as const satisfies Record<string, { exit: number; meaning: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** What an error may carry in addition to its message. */
export interface ErrorDetail {
  /** One sentence or command that the operator can act on. */
  hint?: string;
  cause?: unknown;
  /** Last lines of a program that failed, already redacted. */
  output?: string;
  /** What the host itself says, a line each. */
  facts?: readonly string[];
  /** How the old release and its data come back: our own lines, with commands. */
  wayBack?: readonly string[];
  /** The step that failed, when one did. */
  step?: string;
  /** Path of the run log, when a run had started. */
  log?: string;
}

/** An expected failure: code (exit code), what failed, and one thing to try next. */
export class IvaapError extends Error {
  override readonly name = 'IvaapError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly output: string | undefined;
  readonly facts: readonly string[] | undefined;
  readonly wayBack: readonly string[] | undefined;
  readonly step: string | undefined;
  readonly log: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint;
    this.output = detail.output;
    this.facts = detail.facts;
    this.wayBack = detail.wayBack;
    this.step = detail.step;
    this.log = detail.log;
  }

  /** The same error with other detail; what is not named, or undefined, stays as it is. */
  with(change: ErrorDetail & { code?: ErrorCode; message?: string }): IvaapError {
    const changed = new IvaapError(change.code ?? this.code, change.message ?? this.message, {
      hint: change.hint ?? this.hint,
      cause: change.cause ?? this.cause,
      output: change.output ?? this.output,
      facts: change.facts ?? this.facts,
      wayBack: change.wayBack ?? this.wayBack,
      step: change.step ?? this.step,
      log: change.log ?? this.log,
    });
    if (this.stack !== undefined) changed.stack = this.stack;
    return changed;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }
}

/**
 * The reason that main gives when it aborts a signal. Its hint comes from where the command is known that
 * goes on.
 */
export function stopRequest(signal: string): IvaapError {
  const code: ErrorCode = signal === 'SIGINT' || signal === 'SIGQUIT' ? 'interrupted' : 'terminated';
  const why = signal === 'SIGXCPU' ? ', the limit of processor time: lift it with ulimit -t unlimited' : '';
  return new IvaapError(code, `stopped by ${signal}${why}`);
}

/**
 * The messages of an error and its causes, outermost first, repeated texts left out. The message of any other
 * error is text of others, and is marked so.
 */
export function causeChain(error: unknown): string[] {
  const chain: string[] = [];
  for (let current = error; current !== undefined && current !== null && chain.length < 10;) {
    const words = current instanceof Error ? current.message : String(current);
    const message = current instanceof IvaapError ? words : foreign(words);
    if (!chain.some((earlier) => unmarked(earlier).includes(unmarked(words)))) chain.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return chain;
}

/** An error as plain data: what `--json`, the events and the printed text are made of. */
export interface ErrorDescription {
  code: string;
  /** Exit code of the process. */
  exitCode: number;
  message: string;
  hint?: string;
  /** Messages of the causes, outermost first. */
  causes: string[];
  /** Last lines of the program that failed; of a defect, where it happened. */
  output?: string;
  /** What the host itself says, a line each. */
  facts?: string[];
  /** How the old release and its data come back. */
  wayBack?: string[];
  step?: string;
  /** Path of the run log. */
  log?: string;
}

/** Limits of open files: `EMFILE` is the process's, `ENFILE` the host's. */
export const fileLimits = {
  EMFILE: {
    message: 'the limit of open files is too low for this program',
    hint: 'ulimit -n 1024, then run the same command again',
  },
  ENFILE: { message: 'too many files are open on this host', hint: 'sysctl fs.file-nr fs.file-max' },
} as const;

/**
 * Which limit of open files anything in the chain ran into, which Node's threads report only as text.
 */
function limitReached(error: unknown): keyof typeof fileLimits | undefined {
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 10;
    current = current.cause, depth += 1
  ) {
    const { code = '', message } = current as NodeJS.ErrnoException;
    if (code === 'EMFILE' || code === 'ENFILE') return code;
    const told = /E[MN]FILE/.exec(message)?.[0];
    if (code === 'ERR_WORKER_INIT_FAILED' && told !== undefined) return told as keyof typeof fileLimits;
  }
  return undefined;
}

/** Neither the file that could not be opened nor this program is at fault: a limit is. */
function withoutDescriptors(error: unknown, limit: keyof typeof fileLimits): IvaapError {
  const { step, log } = error instanceof IvaapError ? error : {};
  const { message, hint } = fileLimits[limit];
  return new IvaapError('failed', message, { hint, cause: error, step, log });
}

/** Any thrown value as data; what is no IvaapError is a defect. */
export function describeError(thrown: unknown): ErrorDescription {
  const limit = limitReached(thrown);
  const error = limit === undefined ? thrown : withoutDescriptors(thrown, limit);
  const [message = 'unknown error', ...causes] = causeChain(error);
  if (!(error instanceof IvaapError)) {
    const output = error instanceof Error ? error.stack : undefined;
    return { code: 'bug', exitCode: errorCodes.bug.exit, message, causes, output };
  }
  const { code, exitCode, hint, output, facts, wayBack, step, log } = error;
  return {
    code,
    exitCode,
    message,
    causes,
    hint,
    output,
    facts: facts && [...facts],
    wayBack: wayBack && [...wayBack],
    step,
    log,
  };
}
