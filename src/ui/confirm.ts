import { createInterface } from 'node:readline/promises';
import { IvaapError } from '../errors.ts';
import { printableRow } from './sanitize.ts';

/**
 * Asks a question; only `y` or `yes` is a yes, or the word that the question names. Undefined without a
 * terminal. Ctrl-C at the question throws `interrupted`, as anywhere else.
 */
export function terminalConfirm(
  signal: AbortSignal,
): ((question: string, word?: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question, word) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const typed = new AbortController();
    // While readline reads, Ctrl-C is a key and not a signal.
    reader.on('SIGINT', () =>
      typed.abort(
        new IvaapError('interrupted', 'stopped at the question: nothing was changed', {
          hint: 'run the same command again',
        }),
      ),
    );
    const stop = AbortSignal.any([signal, typed.signal]);
    try {
      // It may quote names of others' files and objects.
      const shown = question.split('\n').map(printableRow).join('\n');
      const prompt = word === undefined ? `${shown} [y/N] ` : `${shown}: `;
      const answer = (await reader.question(prompt, { signal: stop })).trim();
      return word === undefined ? /^y(es)?$/i.test(answer) : answer === word;
    } catch (error) {
      // An abort throws its reason; end of input is a no.
      stop.throwIfAborted();
      if (error instanceof Error && error.name === 'AbortError') return false;
      throw error;
    } finally {
      reader.close();
    }
  };
}
