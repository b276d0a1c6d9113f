import { Command as Commander } from 'commander';
import { asThisUser } from '../shell-word.ts';
import { typedAgain } from './again.ts';
import type { Command, CommandText, Invocation } from './command.ts';
import { describe, layout } from './help.ts';
import { answerHelp, asksForHelp, assertReadable, listsOf, runCommand, sentence } from './command-line.ts';

type Started = Pick<Invocation, 'program' | 'signal' | 'secondSignal' | 'tables'>;

/** A program that is one command: parses its command line and runs it, or prints its help. */
export async function runAlone(
  command: Command,
  summary: string,
  args: readonly string[],
  context: Started,
): Promise<void> {
  assertReadable(args);
  const { program, signal } = context;
  let help = '';
  let read: Invocation | undefined;
  const root = await commanderOf(command, summary, args, program);
  root.configureOutput({ writeErr: () => {}, writeOut: (text) => (help += text) }).exitOverride();
  root.action(() => {
    const options = root.opts<Invocation['options']>();
    const printed = asThisUser(program);
    const again = typedAgain(printed, args, command.options);
    read = {
      ...context,
      program: printed,
      again,
      args: root.processedArgs as string[],
      options,
      json: options.json === true,
    };
    command.check?.(read);
  });
  try {
    await root.parseAsync([...args], { from: 'user' });
  } catch (error) {
    return answerHelp(error, { help, hint: `${program} --help`, program, signal });
  }
  if (read !== undefined) await runCommand(command, read);
}

/** The text of `--help` of a program that is one command. */
export async function helpAlone(text: CommandText, summary: string, program: string): Promise<string> {
  let help = '';
  const root = await commanderOf(text, summary, ['--help'], program);
  root.configureOutput({ writeOut: (part) => (help += part) }).outputHelp();
  return help;
}

async function commanderOf(
  text: CommandText,
  summary: string,
  args: readonly string[],
  program: string,
): Promise<Commander> {
  const root = new Commander(program)
    .description(sentence(summary))
    .helpCommand(false)
    .configureHelp(layout());
  describe(root, text, { program, lists: asksForHelp(args) ? await listsOf(text) : [] });
  return root;
}
