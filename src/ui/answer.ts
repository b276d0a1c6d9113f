import { IvaapError } from '../errors.ts';

/**
 * Writes what a query was asked for to standard output. A reader that goes away (`| head`) has what it wanted; anything else that
 * keeps the answer from going out throws IvaapError `failed`: an answer that nobody got is none. When `signal` is aborted while a
 * reader is waited for, its reason is thrown.
 */
export function answer(text: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    process.stdout.write(text, (error) => {
      signal.removeEventListener('abort', stop);
      const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
      if (code === undefined || code === 'EPIPE') return resolve();
      reject(
        new IvaapError('failed', 'standard output could not take the answer', {
          hint: 'run the same command again with another place for its output',
          cause: error,
        }),
      );
    });
  });
}
