import { createInterface } from 'node:readline/promises';
import { IvaapError } from '../errors.ts';
import type { Again } from '../policy/again.ts';
import { askTerminal } from './ask-terminal.ts';
import { printableRow } from './sanitize.ts';
import { textWidth } from './width.ts';
import { wrapLine } from './wrap.ts';

const { stdin, stderr } = process;

/** The question in rows; the end, which says what to type, is on the last one. */
function rowsOf(question: string, end: string): string[] {
  const columns = stderr.columns || 80;
  // It may quote names of others' files and objects.
  const rows = question.split('\n').flatMap((line) => wrapLine(printableRow(line), columns - 1));
  const last = rows.at(-1) ?? '';
  // Room for the answer: readline draws its own row again, and only that one.
  if (textWidth(last + end) + 8 > columns) rows.push('');
  return rows;
}

/**
 * Asks a question; only `y` or `yes` is a yes, or the word that the question names. Undefined without a
 * terminal. Ctrl-C at the question throws `interrupted`, as anywhere else.
 */
export function terminalConfirm(
  signal: AbortSignal,
  again: Again,
): ((question: string, word?: string) => Promise<boolean>) | undefined {
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  return async (question, word) => {
    const end = word === undefined ? '[y/N] ' : ': ';
    const rows = rowsOf(question, end);
    const last = rows.at(-1) ?? '';
    const prompt = word === undefined && last !== '' ? `${last} ${end}` : `${last}${end}`;
    const endError = (how: 'interrupted' | 'end of input') =>
      new IvaapError(
        how === 'interrupted' ? how : 'declined',
        'stopped at the question: nothing was changed',
        {
          hint: again(),
        },
      );
    try {
      // The end is shown when keys count.
      return await askTerminal(
        { takes: 'text', signal, endError, shown: rows.join('\n') },
        async (input, stop) => {
          const reader = createInterface({ input, output: stderr, terminal: true });
          try {
            const answer = (await reader.question(prompt, { signal: stop })).trim();
            return word === undefined ? /^y(es)?$/i.test(answer) : answer === word;
          } finally {
            reader.close();
          }
        },
      );
    } catch (error) {
      if (error instanceof IvaapError && error.code === 'declined') return false;
      throw error;
    }
  };
}
