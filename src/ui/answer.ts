import { setImmediate as nextTurn } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { unmarked } from '../foreign.ts';
import { isStdoutClosed, type Output, outputTaken } from './output.ts';

const notWritten = (cause: unknown): IvaapError =>
  new IvaapError('failed', 'the result could not be written to standard output', {
    hint: 'run the same command again and send its output somewhere else',
    cause,
  });

/** For a command that only prints a result: throws IvaapError `failed` when standard output is closed. */
export function assertStdoutOpen(): void {
  if (isStdoutClosed())
    throw notWritten(new Error('it is closed, or is /dev/null opened for reading and writing'));
}

/**
 * The same for a renderer's output, after it was written. A reader that closed the pipe has what it wanted.
 */
export async function assertWritten(output: Output, signal: AbortSignal): Promise<void> {
  assertStdoutOpen();
  await outputTaken(signal);
  // Node reports the error of a write in a later turn of the event loop.
  await nextTurn();
  const { failure } = output;
  if (failure !== undefined && (failure as NodeJS.ErrnoException).code !== 'EPIPE') throw notWritten(failure);
}

/**
 * Writes a query's result to standard output. A reader that closes the pipe (`| head`) has what it wanted;
 * any other write error throws IvaapError `failed`. Throws the signal's reason when it is aborted while a
 * slow reader is waited for.
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

/** Writes one of many pieces, with back-pressure; throws write errors. */
export const writtenToStdout = (piece: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
  });
