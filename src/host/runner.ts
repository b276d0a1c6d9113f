import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Redactor } from '../engine/redact.ts';
import { IvaapError } from '../errors.ts';
import { gatedCommand, openGate, tailOf } from './detached-child.ts';
import { failure, lastLines, notStarted, safePath, shortCommand, stopped } from './program-failure.ts';
import { collectLines, collectText, ProgramLines, type ReportNote } from './program-output.ts';

/**
 * Bytes for a child's standard input: text, one buffer, or a stream that is read as fast as the child takes
 * it.
 */
export type StdinSource = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface RunOptions {
  /** Added to the allowlisted environment; a name that is not on the list is the caller's own decision. */
  env?: Record<string, string>;
  cwd?: string;
  /** How messages name it; default: the program's name and its first arguments. */
  label?: string;
  stdin?: StdinSource;
  /**
   * Takes standard output as a stream instead of collecting it. When it rejects, the child is killed and
   * `run` rejects.
   */
  stdout?: (stream: Readable) => Promise<void>;
  /**
   * Standard output is text, reported line by line as standard error always is; otherwise it is data, which
   * may hold secrets. `loud` text is shown to people, other text is for the log.
   */
  stdoutIsText?: boolean | 'loud';
  /** After this the child gets SIGTERM, and SIGKILL `graceMs` later. */
  timeoutMs?: number;
  /** Between SIGTERM and SIGKILL; Infinity never kills. Default 10 s. */
  graceMs?: number;
  /** Abort sends SIGTERM, and SIGKILL `graceMs` later. */
  signal?: AbortSignal;
  /** Descriptors of ours that the child gets as 3, 4, …: the lock travels this way. */
  inherit?: readonly number[];
  /** Exit codes that are an answer and no failure. Default [0]; 'any' never throws for a code. */
  okCodes?: readonly number[] | 'any';
  /** Collected standard output beyond this is a failure. Default 64 MiB. */
  maxStdoutBytes?: number;
  /**
   * For a program that finishes its work without us; its standard output is reported with its standard error.
   */
  detached?: Detached;
}

/** What a program that may outlive us needs. */
export interface Detached {
  /**
   * Awaited before the program's first instruction: when it rejects, or we die before it resolves, the
   * program never runs.
   */
  record: (pid: number) => Promise<void>;
  /**
   * Takes standard output and error, in a folder that exists: a pipe would break with us, and the first write
   * into a broken pipe ends a program.
   */
  outputFile: string;
}

export interface RunResult {
  exitCode: number;
  stdout: string;
  /** The last 64 KiB, redacted. */
  stderr: string;
  /** Bytes of standard input that the child took. */
  stdinBytes: number;
  durationMs: number;
}

/** Starts programs: an argv, never a shell. The one implementation is {@link createRunner}. */
export interface Runner {
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
}

export interface RunnerSettings {
  /** HOME of every child: a private folder, or one that does not exist. */
  home?: string;
  /** Removes secrets from all output of a child that is kept or shown. */
  redactor?: Pick<Redactor, 'own' | 'text' | 'lines'>;
  /** Told of every line that a child says and of how it ended, in the asynchronous context of the call. */
  report?: ReportNote;
}

/** Nothing is secret to a runner that was given no secrets. */
const openly: Pick<Redactor, 'own' | 'text' | 'lines'> = {
  own: (text) => text,
  text: (text) => text,
  lines: () => ({ push: (line) => [line], end: () => [] }),
};

const defaultGraceMs = 10_000;
const defaultMaxStdoutBytes = 64 * 1024 * 1024;

/**
 * The complete environment of a child: nothing of ours is passed on, so no HELM_*, KUBE*, PG*, LD_*, NODE_*
 * or proxy gets through.
 */
function childEnvironment(home: string): Record<string, string> {
  return {
    PATH: safePath,
    HOME: home,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    NO_PROXY: '*',
    no_proxy: '*',
  };
}

/**
 * A folder that does not exist and that nobody can create: a child keeps no cache and no settings on the
 * host. kubectl fails where its parent is no folder.
 */
const noHome = '/proc/none';

export function createRunner(settings: RunnerSettings = {}): Runner {
  const { redactor = openly, report = () => {}, home = noHome } = settings;
  return {
    run: (argv, options = {}) =>
      runOne(argv, options, {
        redactor,
        report,
        env: { ...childEnvironment(home), ...options.env },
        inherit: options.inherit ?? [],
      }),
  };
}

interface Surroundings {
  redactor: Pick<Redactor, 'own' | 'text' | 'lines'>;
  report: ReportNote;
  env: Record<string, string>;
  inherit: readonly number[];
}

async function runOne(
  argv: readonly [string, ...string[]],
  options: RunOptions,
  { redactor, report, env, inherit }: Surroundings,
): Promise<RunResult> {
  const [program, ...args] = argv;
  const label = redactor.own(options.label ?? shortCommand(argv));
  if (options.signal?.aborted === true) throw stopped(label, 'aborted', '', '');
  const startedMs = performance.now();
  const { detached } = options;
  const output = detached === undefined ? undefined : openSync(detached.outputFile, 'w', 0o600);
  const gated = output === undefined ? undefined : gatedCommand(argv, 3 + inherit.length);
  // A session of its own: a terminal's ^C and a closing SSH session reach us, never the child behind our
  // back.
  const child = spawn(gated?.program ?? program, gated?.args ?? args, {
    env,
    cwd: options.cwd ?? '/',
    detached: true,
    stdio: [
      options.stdin === undefined ? 'ignore' : 'pipe',
      output ?? 'pipe',
      output ?? 'pipe',
      ...inherit,
      ...(gated === undefined ? [] : (['pipe'] as const)),
    ],
  });
  if (output !== undefined) closeSync(output);
  const started = await Promise.race([
    once(child, 'spawn').then(() => undefined),
    once(child, 'error').then(([error]) => error as NodeJS.ErrnoException),
  ]).catch((error: unknown) => error as NodeJS.ErrnoException);
  if (started !== undefined) throw notStarted(program, label, started, options.cwd);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  if (detached !== undefined) await openGate(child, exited, 3 + inherit.length, detached.record);

  let killer: NodeJS.Timeout | undefined;
  let reason: 'timeout' | 'aborted' | 'output too long' | undefined;
  let brokenBy: { error: unknown } | undefined;
  const kill = (name: NodeJS.Signals) => signalGroup(child, name);
  const stop = (why: 'timeout' | 'aborted' | 'output too long') => {
    if (reason !== undefined) return;
    reason = why;
    kill('SIGTERM');
    const graceMs = options.graceMs ?? defaultGraceMs;
    if (Number.isFinite(graceMs)) killer = setTimeout(() => kill('SIGKILL'), graceMs);
  };
  /** A source or sink of ours failed: the child must not take what it has for complete. */
  const breakOff = (error: unknown) => {
    if (brokenBy === undefined) brokenBy = { error };
    kill('SIGKILL');
  };
  const onAbort = () => stop('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal !== undefined && hasAborted(options.signal)) onAbort(); // while it was started
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => stop('timeout'), options.timeoutMs);

  // What a query says is for the log: "not found" may well be the answer that was hoped for.
  const quiet = options.stdoutIsText !== 'loud' && options.stdout === undefined;
  const linesOf = (stream: 'stdout' | 'stderr') =>
    new ProgramLines(redactor, (line) => report({ kind: 'line', program: label, stream, line, quiet }));
  const said = detached === undefined ? child.stderr! : Readable.from(tailOf(detached.outputFile, exited));
  const stderr = collectLines(said, linesOf('stderr'));
  const stdout =
    options.stdout && child.stdout !== null
      ? options.stdout(child.stdout).then(
          () => '',
          (error: unknown) => (breakOff(error), ''),
        )
      : collectText(
          child.stdout ?? Readable.from([]),
          options.maxStdoutBytes ?? defaultMaxStdoutBytes,
          () => stop('output too long'),
          (options.stdoutIsText ?? false) !== false ? linesOf('stdout') : undefined,
        );
  const stdin = feed(child, options.stdin, exited, breakOff);
  const [code, endedBy] = await exited;
  const [out, err, stdinBytes] = await Promise.all([stdout, stderr, stdin]);
  clearTimeout(timer);
  clearTimeout(killer);
  options.signal?.removeEventListener('abort', onAbort);
  const durationMs = performance.now() - startedMs;
  report({
    kind: 'ended',
    program: label,
    argv: argv.map((word) => redactor.own(word)),
    exitCode: code,
    signal: endedBy,
    durationMs: Math.round(durationMs),
    stdoutBytes: (child.stdout as Socket | null)?.bytesRead ?? 0,
  });

  if (brokenBy !== undefined) {
    const { error } = brokenBy as { error: unknown };
    if (error instanceof IvaapError) throw error;
    throw new IvaapError('failed', `the output of ${label} ended early`, {
      cause: error,
      output: lastLines(err),
    });
  }
  if (gated !== undefined && (code === 126 || code === 127)) {
    throw notStarted(program, label, {
      ...new Error(lastLines(err)),
      code: code === 127 ? 'ENOENT' : 'EACCES',
    });
  }
  const redactedOut = redactor.text(out);
  if (reason !== undefined) throw stopped(label, reason, redactedOut, err, options);
  const okCodes = options.okCodes ?? [0];
  if (code === null || (okCodes !== 'any' && !okCodes.includes(code))) {
    const how = code === null ? `was ended by ${endedBy}` : `failed with exit code ${code}`;
    throw failure(`${label} ${how}`, {
      exitCode: code ?? undefined,
      endedBy: endedBy ?? undefined,
      reason: code === null ? 'signal' : 'exit',
      stdout: redactedOut,
      stderr: err,
      stdoutIsText: options.stdoutIsText,
    });
  }
  return { exitCode: code, stdout: out, stderr: err, stdinBytes, durationMs };
}

const hasAborted = ({ aborted }: AbortSignal): boolean => aborted;

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    child.kill(name);
  }
}

/**
 * Writes the source into the child with back-pressure. When the source fails, the child is killed while its
 * end of the pipe is still open: it never sees a clean end after a part.
 */
async function feed(
  child: ChildProcess,
  source: StdinSource | undefined,
  exited: Promise<unknown>,
  breakOff: (error: unknown) => void,
): Promise<number> {
  const stdin = child.stdin;
  if (stdin === null || source === undefined) return 0;
  let gone = false;
  stdin.on('error', () => (gone = true)); // EPIPE: the child's exit code is the answer
  const ended = exited.then(() => (gone = true));
  let bytes = 0;
  const chunks = typeof source === 'string' || source instanceof Uint8Array ? [Buffer.from(source)] : source;
  // A stream that waits for more would keep us here after the child ended.
  if (source instanceof Readable) void ended.then(() => source.destroy());
  try {
    for await (const chunk of chunks) {
      if (gone) break;
      bytes += chunk.byteLength;
      if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain').catch(() => undefined), ended]);
    }
    if (!gone) stdin.end();
  } catch (error) {
    if (!gone) breakOff(error);
  }
  await ended;
  stdin.destroy();
  return bytes;
}
