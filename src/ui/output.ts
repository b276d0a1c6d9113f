import { fstatSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OutputStream, terminalStream } from './terminal-stream.ts';

/** Where a renderer writes: a stream whose reader may go away at any time. */
export interface Output {
  /** Never throws and never waits. */
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width of the terminal just now. */
  readonly columns: number;
  /** What was written has not gone out yet: what is only drawn over again is better left out. */
  readonly isBehind: boolean;
  /** Why it takes no more; undefined as long as it does. */
  readonly failure?: Error;
  /** Calls back when this process was stopped (Ctrl-Z) and goes on: others have written to the terminal meanwhile. */
  onContinue(callback: () => void): () => void;
}

const streams = new Set<OutputStream>([process.stdout, process.stderr]);

/**
 * A stream as an output that survives its reader: after the first error (closed pipe, full disk, lost terminal) what would
 * have been written is dropped. A run never ends because nobody reads; its log has it all.
 */
export function guardedOutput(given: OutputStream): Output {
  const { fd } = given;
  const stream =
    given.isTTY === true && fd !== undefined
      ? (terminalStream(Object.assign(given, { fd })) ?? given)
      : given;
  streams.add(stream);
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure ??= error;
    streams.delete(stream);
  });
  return {
    write(text) {
      if (failure !== undefined) return;
      try {
        stream.write(text);
      } catch (error) {
        failure = error as Error;
      }
    },
    get failure() {
      return failure;
    },
    get isTerminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
    get isBehind() {
      return (stream.writableLength ?? 0) > 0;
    },
    onContinue(callback) {
      process.on('SIGCONT', callback);
      return () => process.off('SIGCONT', callback);
    },
  };
}

/** Columns of the terminal that standard output is; without end where it is none: what reads it has no edge. */
export const terminalWidth = (): number => (process.stdout.isTTY ? process.stdout.columns || 80 : Infinity);

/** Waits until a slow reader has taken all that was written, or has gone, or `signal` ends the waiting. */
export async function outputTaken(signal: AbortSignal): Promise<void> {
  const isWaiting = (stream: OutputStream) => stream.destroyed !== true && (stream.writableLength ?? 0) > 0;
  while (!signal.aborted && [...streams].some(isWaiting)) await sleep(20);
}

/**
 * Whether standard output was closed when we were started (`>&-`): Node puts /dev/null there then, for reading and writing, which `>/dev/null` is not.
 * Some programs start others so when they want no answer; of a command that does nothing but answer that makes no sense either.
 */
export function isStdoutClosed(): boolean {
  try {
    const isNull = fstatSync(1).rdev === statSync('/dev/null').rdev;
    return isNull && /^flags:\s+0*\d*2$/m.test(readFileSync('/proc/self/fdinfo/1', 'utf8'));
  } catch {
    return false;
  }
}
