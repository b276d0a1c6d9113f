import { CommanderError } from 'commander';
import { IvaapError } from '../errors.ts';
import { ownIdentity } from '../queries/own-identity.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import type { CommandText, HelpList, Invocation } from './command.ts';

/** What every command line has, whatever name this executable was started with. */

/** Arguments after `--` are not flags. */
export const asksForHelp = (args: readonly string[]): boolean =>
  args.slice(0, args.indexOf('--') >>> 0).some((word) => word === '--help' || word === '-h');

export const listsOf = async (command: CommandText): Promise<readonly HelpList[]> => [
  ...((await command.lists?.()) ?? []),
  ...((await command.jsonFields?.()) ?? []),
];

export const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** commander's error as a usage error: its suggestion ("Did you mean …?") stays in the message. */
function usageError(error: CommanderError, help: string): IvaapError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new IvaapError('usage', message, { hint: help });
}

/** Node reads what is not UTF-8 as U+FFFD: a file would get another name. Throws `usage`. */
export function assertReadable(args: readonly string[]): void {
  const unreadable = args.find((arg) => arg.includes('\uFFFD'));
  if (unreadable !== undefined)
    throw new IvaapError('usage', `${unreadable} is not valid UTF-8`, { hint: 'locale' });
}

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
