import { CommanderError, Command as Commander } from 'commander';
import { IvaapError } from '../errors.ts';
import { ownIdentity } from '../queries/own-identity.ts';
import { typedAgain } from './again.ts';
import type { Command, HelpList, Invocation } from './command.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { wrapLine } from '../ui/wrap.ts';
import { commands } from './commands.ts';
import { describe, helpWidth, layout } from './help.ts';

/** Arguments after `--` are not flags. */
const asksForHelp = (args: readonly string[]): boolean =>
  args.slice(0, args.indexOf('--') >>> 0).some((word) => word === '--help' || word === '-h');

const listsOf = async (command: Command): Promise<readonly HelpList[]> => [
  ...((await command.lists?.()) ?? []),
  ...((await command.jsonFields?.()) ?? []),
];

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** commander's error as a usage error: its suggestion ("Did you mean …?") stays in the message. */
function usageError(error: CommanderError, help: string): IvaapError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new IvaapError('usage', message, { hint: help });
}

/**
 * Parses `args` (after the program's name), loads the command that they name and runs it. Prints help to
 * stdout.
 */
export async function runProgram(
  args: readonly string[],
  context: Pick<Invocation, 'program' | 'signal' | 'secondSignal'>,
): Promise<void> {
  const read = await readCommandLine(args, context);
  await read?.command.run(read.invocation);
}

/** `help COMMAND` as `COMMAND --help`; no options in front of an unknown command, so that it is refused. */
function plainForm(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === '--') return plainForm(rest);
  const typed = first === 'help' ? [...rest, '--help'] : args;
  const [name = '-'] = typed;
  return name.startsWith('-') || commands.some((command) => command.name === name) ? typed : [name];
}

/**
 * The command of a command line; undefined where it asked for help, which was printed.
 * @throws IvaapError `usage` for what cannot be parsed.
 */
export async function readCommandLine(
  args: readonly string[],
  context: Pick<Invocation, 'program' | 'signal' | 'secondSignal'>,
): Promise<{ command: Command; invocation: Invocation } | undefined> {
  const { program } = context;
  const typed = plainForm(args);
  // Node reads what is not UTF-8 as this character: a file would get another name.
  const unreadable = args.find((arg) => arg.includes('\uFFFD'));
  if (unreadable !== undefined)
    throw new IvaapError('usage', `${unreadable} is not valid UTF-8`, { hint: 'locale' });
  let read: { command: Command; invocation: Invocation } | undefined;
  let help = '';
  const more = `Use ${program} COMMAND --help for more about a command.`;
  const root = new Commander(program)
    .description('One file that installs and upgrades a product on a single-node k3s host, offline.')
    .option('-v, --version', 'print product and version of the payload')
    .helpCommand(false)
    .addHelpText('after', ['', ...wrapLine(more, helpWidth())].join('\n'))
    .configureHelp(layout())
    .configureOutput({ writeErr: () => {}, writeOut: (text) => (help += text) })
    .exitOverride();
  for (const { name, summary, load } of commands) {
    const sub = root.command(name).summary(summary).description(sentence(summary));
    if (name !== typed[0]) continue;
    const command = await load();
    const lists = asksForHelp(typed) ? await listsOf(command) : [];
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
  if (typed.length === 0) {
    process.stderr.write(root.helpInformation());
    throw new IvaapError('usage', 'no command was given', { hint: `${program} --help` });
  }
  try {
    await root.parseAsync([...typed], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help of a damaged or changed file must not pass as the vendor's.
    if (error.exitCode === 0) {
      assertStdoutOpen();
      await answer(help, context.signal);
      await ownIdentity();
      return undefined;
    }
    if (error.code === 'commander.help')
      throw new IvaapError('usage', 'no command was given', { hint: `${program} --help` });
    const known = commands.some(({ name }) => name === typed[0]);
    throw usageError(error, known ? `${program} ${typed[0]} --help` : `${program} --help`);
  }
  return read;
}
