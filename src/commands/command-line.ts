import { CommanderError } from 'commander';
import { IvaapError } from '../errors.ts';
import { ownIdentity } from '../queries/own-identity.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { unprintable } from '../ui/sanitize.ts';
import type { Command, CommandText, HelpList, Invocation } from './command.ts';

/** What every command line has, whatever name this executable was started with. */

/** Arguments after `--` are not flags. */
export const asksForHelp = (args: readonly string[]): boolean =>
  args.slice(0, args.indexOf('--') >>> 0).some((word) => word === '--help' || word === '-h');

export const listsOf = async (command: CommandText): Promise<readonly HelpList[]> => [
  ...((await command.lists?.()) ?? []),
  ...((await command.jsonFields?.()) ?? []),
];

export const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** Runs the command. A stop that names no command to go on with names the one that was typed. */
export async function runCommand(command: Command, invocation: Invocation): Promise<void> {
  try {
    await command.run(invocation);
  } catch (error) {
    const isStop = error instanceof IvaapError && ['interrupted', 'terminated'].includes(error.code);
    throw isStop ? error.with({ hint: error.hint ?? invocation.again() }) : error;
  }
}

/** commander's error as a usage error: its suggestion ("Did you mean …?") stays in the message. */
function usageError(error: CommanderError, help: string): IvaapError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new IvaapError('usage', message, { hint: help });
}

/**
 * Throws `usage` for a word that would not be what the screen shows of it, and for an empty one. Node reads
 * what is not UTF-8 as U+FFFD: a file would get another name. The screen leaves out what controls a terminal
 * or cannot be seen: two names would look the same.
 */
export function assertReadable(args: readonly string[]): void {
  for (const [at, word] of args.entries()) {
    if (word.includes('\uFFFD'))
      throw new IvaapError('usage', `${word} is not valid UTF-8`, { hint: 'locale' });
    if (word === '' || /^--[^=]+=$/.test(word)) {
      const before = word === '' ? args[at - 1] : word.slice(0, -1);
      const what = before?.startsWith('-') === true ? `the value of ${before}` : 'an argument';
      throw new IvaapError('usage', `${what} is empty`, {
        hint: 'give it a value, or leave it out; if it is a variable of the shell: look whether that is set',
      });
    }
    const shown = visible(word);
    if (shown !== word) {
      throw new IvaapError('usage', `an argument holds characters that a screen does not show: "${shown}"`, {
        hint: 'type it without them',
      });
    }
  }
}

/** With what the screen would leave out written as `\u{1b}`. */
const visible = (word: string): string =>
  word.replaceAll(unprintable, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`);

/**
 * Prints the help that a command line asked for. Throws `usage`, with the hint, for one that cannot be
 * parsed.
 */
export async function answerHelp(
  error: unknown,
  { help, hint, program, signal }: { help: string; hint: string } & Pick<Invocation, 'program' | 'signal'>,
): Promise<void> {
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === 0) {
    assertStdoutOpen();
    await answer(help, signal);
    // Help of a damaged or changed file must not pass as the vendor's.
    await ownIdentity();
    return;
  }
  if (error.code === 'commander.help')
    throw new IvaapError('usage', 'no command was given', { hint: `${program} --help` });
  throw usageError(error, hint);
}
