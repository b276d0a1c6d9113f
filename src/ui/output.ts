import { fstatSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OutputStream, terminalStream } from './terminal-stream.ts';

/** Where a renderer writes: a stream whose reader may close it at any time. */
export interface Output {
  /** Never throws and never waits. */
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Current width of the terminal. */
  readonly columns: number;
  /** Earlier output is still buffered: redraws are skipped then. */
  readonly isBehind: boolean;
  /** The write error after which output is dropped; undefined before. */
  readonly failure?: Error;
  /**
   * Calls back when this process continues after Ctrl-Z: others may have written to the terminal meanwhile.
   */
  onContinue(callback: () => void): () => void;
}

const streams = new Set<OutputStream>([process.stdout, process.stderr]);

/**
 * A stream as an output that survives its reader: after the first write error (closed pipe, full disk, lost
 * terminal) output is dropped. A run never ends because nobody reads; its log has everything.
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
      return failure ?? stream.errored ?? undefined;
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

/** Width of the terminal on standard output; infinite for a file or pipe. */
export const terminalWidth = (): number => (process.stdout.isTTY ? process.stdout.columns || 80 : Infinity);

/** Waits until all output was written or the stream was closed; `signal` ends the wait. */
export async function outputTaken(signal: AbortSignal): Promise<void> {
  const isWaiting = (stream: OutputStream) => stream.destroyed !== true && (stream.writableLength ?? 0) > 0;
  while (!signal.aborted && [...streams].some(isWaiting)) await sleep(20);
}

/**
 * Whether standard output was closed when we were started (`>&-`). Node then opens /dev/null for reading and
 * writing in its place, unlike `>/dev/null`. A command that only prints a result fails then.
 */
export function isStdoutClosed(): boolean {
  try {
    const isNull = fstatSync(1).rdev === statSync('/dev/null').rdev;
    return isNull && /^flags:\s+0*\d*2$/m.test(readFileSync('/proc/self/fdinfo/1', 'utf8'));
  } catch {
    return false;
  }
}
