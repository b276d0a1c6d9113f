import { setImmediate as nextTurn } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { unmarked } from '../foreign.ts';
import { isStdoutClosed, type Output, outputTaken } from './output.ts';

const notWritten = (cause: unknown): IvaapError =>
  new IvaapError('failed', 'the result could not be written to standard output', {
    hint: 'run the same command again and send its output somewhere else',
    cause,
  });

/** Throws IvaapError `failed` when standard output was closed, of a command that has nothing to give but its answer. */
export function assertStdoutOpen(): void {
  if (isStdoutClosed())
    throw notWritten(new Error('it is closed, or is /dev/null opened for reading and writing'));
}

/** The same for what was told through a renderer, once it has gone out. A reader that went away has what it wanted. */
export async function assertWritten(output: Output, signal: AbortSignal): Promise<void> {
  assertStdoutOpen();
  await outputTaken(signal);
  // A write's error is told in a turn of its own.
  await nextTurn();
  const { failure } = output;
  if (failure !== undefined && (failure as NodeJS.ErrnoException).code !== 'EPIPE') throw notWritten(failure);
}

/**
 * Writes what a query was asked for to standard output. A reader that goes away (`| head`) has what it wanted; anything else that
 * keeps the answer from going out throws IvaapError `failed`: an answer that nobody got is none. When `signal` is aborted while a
 * reader is waited for, its reason is thrown.
 */
export function answer(text: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    process.stdout.write(unmarked(text), (error) => {
      signal.removeEventListener('abort', stop);
      const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
      if (code === undefined || code === 'EPIPE') return resolve();
      reject(notWritten(error));
    });
  });
}

/** One piece of many, with back-pressure; what standard output does not take is thrown. */
export const writtenToStdout = (piece: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
  });
