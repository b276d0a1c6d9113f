import { createInterface } from 'node:readline/promises';
import { IvaapError } from '../errors.ts';

/**
 * Asks a question that only `y` or `yes` answers with yes; undefined where there is no terminal to ask on. Ctrl-C at the question is no
 * answer: it throws `interrupted`, as anywhere else.
 */
export function terminalConfirm(signal: AbortSignal): ((question: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const typed = new AbortController();
    // While a line is read the terminal sends no signal: the reader sees the key.
    reader.on('SIGINT', () =>
      typed.abort(
        new IvaapError('interrupted', 'stopped at the question: nothing was changed', {
          hint: 'run the same command again',
        }),
      ),
    );
    const stop = AbortSignal.any([signal, typed.signal]);
    try {
      const answer = await reader.question(`${question} [y/N] `, { signal: stop });
      return /^y(es)?$/i.test(answer.trim());
    } catch (error) {
      // The reason of an abort is the error to end with; an end of input is a no.
      stop.throwIfAborted();
      if (error instanceof Error && error.name === 'AbortError') return false;
      throw error;
    } finally {
      reader.close();
    }
  };
}
