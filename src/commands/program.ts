import { CommanderError, Command as Commander } from 'commander';
import { IvaapError } from '../errors.ts';
import { ownIdentity } from '../queries/own-identity.ts';
import { typedAgain } from './again.ts';
import type { Command, HelpList, Invocation } from './command.ts';
import { commands } from './commands.ts';
import { describe, helpWidth } from './help.ts';

/** What follows `--` is no flag any more. */
const asksForHelp = (words: readonly string[]): boolean =>
  words.slice(0, words.indexOf('--') >>> 0).some((word) => word === '--help' || word === '-h');

const listsOf = async (command: Command): Promise<readonly HelpList[]> => [
  ...((await command.lists?.()) ?? []),
  ...((await command.jsonFields?.()) ?? []),
];

/** commander's complaint as a usage error: its suggestion ("Did you mean …?") stays in the message. */
function usageError(error: CommanderError, help: string): IvaapError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new IvaapError('usage', message, { hint: help });
}

/** Parses `args` (what follows the program's name), loads the one command that they name and runs it. Help goes to stdout. */
export async function runProgram(
  args: readonly string[],
  context: Pick<Invocation, 'program' | 'signal' | 'secondSignal'>,
): Promise<void> {
  const read = await readCommandLine(args, context);
  await read?.command.run(read.invocation);
}

/**
 * What a command line asks for; undefined where it asked for help, which was given.
 * @throws IvaapError `usage` for what cannot be parsed.
 */
export async function readCommandLine(
  args: readonly string[],
  context: Pick<Invocation, 'program' | 'signal' | 'secondSignal'>,
): Promise<{ command: Command; invocation: Invocation } | undefined> {
  const { program } = context;
  const [first, ...rest] = args;
  const words = first === 'help' ? [...rest, '--help'] : args;
  let read: { command: Command; invocation: Invocation } | undefined;
  const root = new Commander(program)
    .description('One file that installs and upgrades a product on a single-node k3s host, offline.')
    .option('-v, --version', 'print product and version of the payload')
    .helpCommand(false)
    .addHelpText('after', `\nUse ${program} COMMAND --help for more about a command.`)
    .configureHelp({ helpWidth: helpWidth(), minWidthToWrap: 20 })
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  for (const { name, summary, load } of commands) {
    const sub = root.command(name).summary(summary).description(`${summary}.`);
    if (name !== words[0]) continue;
    const command = await load();
    const lists = asksForHelp(words) ? await listsOf(command) : [];
    describe(sub, command, { program, lists });
    sub.action(() => {
      const options = sub.opts<Invocation['options']>();
      const invocation: Invocation = {
        ...context,
        again: typedAgain(program, args, command.options),
        args: sub.processedArgs as string[],
        options,
        json: options.json === true,
      };
      command.check?.(invocation);
      read = { command, invocation };
    });
  }
  if (words.length === 0) {
    process.stderr.write(root.helpInformation());
    throw new IvaapError('usage', 'no command was given', { hint: `${program} --help` });
  }
  try {
    await root.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help can be read of any file. Of one that is not as it was signed or packed it must not pass for the vendor's words.
    if (error.exitCode === 0) {
      await ownIdentity();
      return undefined;
    }
    const known = commands.some(({ name }) => name === words[0]);
    throw usageError(error, known ? `${program} ${words[0]} --help` : `${program} --help`);
  }
  return read;
}
