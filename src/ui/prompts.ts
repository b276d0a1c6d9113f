import { isCancel, multiselect, select, text } from '@clack/prompts';
import { IvaapError } from '../errors.ts';
import {
  back,
  type Choice,
  type ChoiceQuestion,
  type ChoicesQuestion,
  type Prompter,
  type TextQuestion,
} from '../policy/prompter.ts';
import { askTerminal } from './ask-terminal.ts';
import { printableLine, printableRow } from './sanitize.ts';
import type { TerminalInput } from './terminal-input.ts';
import { type Takes, unreadable } from './typed-keys.ts';
import { wrapLine } from './wrap.ts';

/** Loaded only by who asks: the library is in a chunk of its own. */

interface Settings {
  signal: AbortSignal;
  /** After an end without an answer. */
  hint: string;
}

/** What every question gets of the library. */
interface Common {
  input: TerminalInput;
  output: NodeJS.WriteStream;
  signal: AbortSignal;
  withGuide: false;
}

const { stderr } = process;

/** Questions on standard input and standard error, which are a terminal. */
export function terminalPrompter({ signal, hint }: Settings): Prompter {
  async function asked<Answer>(
    takes: Takes,
    ask: (common: Common) => Promise<Answer | symbol>,
  ): Promise<Answer | typeof back> {
    const endError = (how: 'interrupted' | 'end of input') => errorOf(how, hint);
    return askTerminal({ takes, signal, endError }, async (input, stop) => {
      const answer = await ask({ input, output: stderr, signal: stop, withGuide: false });
      stop.throwIfAborted();
      if (isCancel(answer)) return back;
      return answer as Answer;
    });
  }

  return {
    async text({ title, help, initial = '', check }: TextQuestion) {
      const answer = await asked<string>('text', (common) =>
        text({
          ...common,
          message: messageOf(title, help),
          initialValue: initial,
          validate: async (typed = '') => objection(typed.trim(), check),
        }),
      );
      return typeof answer === 'string' ? answer.trim() : answer;
    },
    choose: ({ title, help, choices, initial }: ChoiceQuestion) =>
      asked<string>('keys', (common) =>
        select({
          ...common,
          message: messageOf(title, help),
          options: choices.map(option),
          ...(initial === undefined ? {} : { initialValue: initial }),
        }),
      ),
    chooseSome: ({ title, help, choices, initial }: ChoicesQuestion) =>
      asked<string[]>('keys', (common) =>
        multiselect({
          ...common,
          message: messageOf(title, help),
          options: choices.map(option),
          initialValues: [...initial],
          required: false,
        }),
      ),
    tell: (lines) => {
      const wrapped = lines.flatMap((line) => wrapLine(printableLine(line), stderr.columns || 80));
      stderr.write(wrapped.map((line) => `${line}\n`).join(''));
    },
  };
}

function errorOf(how: 'interrupted' | 'end of input', hint: string): IvaapError {
  return how === 'interrupted'
    ? new IvaapError('interrupted', 'stopped at a question: nothing was changed', { hint })
    : new IvaapError('declined', 'the input ended at a question: nothing was changed', { hint });
}

async function objection(answer: string, check: TextQuestion['check']): Promise<string | undefined> {
  if (answer.includes(unreadable))
    return `It holds characters that a terminal does not show (${unreadable}): delete them, or type it.`;
  const found = await check(answer);
  return found === undefined ? undefined : printableLine(found);
}

const messageOf = (title: string, help: readonly string[] = []): string =>
  [title, ...help].flatMap((line) => wrapLine(printableRow(line), (stderr.columns || 80) - 4)).join('\n');

const option = ({ value, label, hint, disabled = false }: Choice) => ({
  value,
  label: printableLine(label),
  disabled,
  ...(hint === undefined ? {} : { hint: printableLine(hint) }),
});
