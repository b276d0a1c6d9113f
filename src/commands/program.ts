import { Command as Commander } from 'commander';
import { IvaapError } from '../errors.ts';
import { asThisUser } from '../shell-word.ts';
import { typedAgain } from './again.ts';
import type { Command, Invocation } from './command.ts';
import { answerHelp, asksForHelp, assertReadable, listsOf, runCommand, sentence } from './command-line.ts';
import { wrapLine } from '../ui/wrap.ts';
import { commands } from './commands.ts';
import { describe, helpWidth, layout } from './help.ts';
import { programs } from './programs.ts';

/**
 * Parses `args` (after the program's name), loads the command that they name and runs it. Prints help to
 * stdout.
 */
export async function runProgram(
  args: readonly string[],
  context: Pick<Invocation, 'program' | 'signal' | 'secondSignal'>,
): Promise<void> {
  const read = await readCommandLine(args, context);
  if (read !== undefined) await runCommand(read.command, read.invocation);
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
  assertReadable(args);
  let read: { command: Command; invocation: Invocation } | undefined;
  let help = '';
  const more = `Use ${program} COMMAND --help for more about a command.`;
  const printed = asThisUser(program);
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
        program: printed,
        again: typedAgain(printed, args, command.options),
        args: sub.processedArgs as string[],
        options,
        json: options.json === true,
        tables: { commands, programs },
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
    const known = commands.some(({ name }) => name === typed[0]);
    const hint = known ? `${program} ${typed[0]} --help` : `${program} --help`;
    await answerHelp(error, { help, hint, program, signal: context.signal });
    return undefined;
  }
  return read;
}
