import { CommanderError, Command as Commander, Option } from 'commander';
import type { ErrorCode } from '../errors.ts';
import { errorCodes, IvaapError } from '../errors.ts';
import { NoPayload } from '../payload/locate.ts';
import { openPayload } from '../payload/open-payload.ts';
import { typedAgain } from './again.ts';
import type { Command, CommandEntry, Invocation } from './command.ts';

/** Every subcommand, in the order of the help. */
const commands: readonly CommandEntry[] = [
  {
    name: 'install',
    summary: 'install the product on this host, or upgrade it with --upgrade',
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'status',
    summary: 'show what is installed, how the last run went and how the product is',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'repair-state',
    summary: 'make a lost or damaged installer state anew from what this host itself says',
    load: async () => (await import('./repair-state.ts')).repairState,
  },
  {
    name: 'manifest',
    summary: 'list what the payload holds, against what is on disk and in containerd',
    load: async () => (await import('./manifest.ts')).manifestCommand,
  },
  {
    name: 'extract-file',
    summary: 'write one archive or file of the payload',
    load: async () => (await import('./extract-file.ts')).extractFileCommand,
  },
  {
    name: 'extract',
    summary: 'write all of the payload to a staging folder',
    load: async () => (await import('./extract.ts')).extractCommand,
  },
  {
    name: 'verify',
    summary: 'prove this file, or another one, intact',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
];

const helpWidth = 100;

function exitLines(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) => [errorCodes[code].exit, errorCodes[code].meaning] as const);
  rows.sort(([a], [b]) => a - b);
  return [[0, 'done'] as const, ...rows]
    .map(([exit, meaning]) => `  ${String(exit).padEnd(5)}${meaning}`)
    .join('\n');
}

/** What stands below the options in `--help`: enough to work from without the guide. */
function helpFooter(command: Command, program: string): string {
  const examples = command.examples.map(([line, does]) => `  ${program} ${line}\n      ${does}`).join('\n');
  return `\n${command.touches}\n\nExamples:\n${examples}\n\nExit codes:\n${exitLines(command.exits)}`;
}

function addToHelp(sub: Commander, command: Command, program: string): void {
  for (const { name, summary } of command.arguments ?? []) sub.argument(name, summary);
  for (const { flags, summary, choices, default: value, conflicts, repeatable } of command.options) {
    const option = new Option(flags, summary);
    if (choices !== undefined) option.choices(choices);
    if (value !== undefined) option.default(value);
    if (repeatable === true) option.argParser((one: string, all: string[] = []) => [...all, one]);
    if (conflicts !== undefined) option.conflicts([...conflicts]);
    sub.addOption(option);
  }
  sub.addHelpText('after', () => helpFooter(command, program));
}

/** commander's complaint as a usage error: its suggestion ("Did you mean …?") stays in the message. */
function usageError(error: CommanderError, help: string): IvaapError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new IvaapError('usage', message, { hint: help });
}

/** Throws IvaapError `payload` when the program's own trailer, signature or index does not hold. */
async function assertOwnPayload(): Promise<void> {
  try {
    await (await openPayload()).close();
  } catch (error) {
    if (!(error instanceof NoPayload)) throw error;
  }
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
    .addHelpText('after', `\nEach command explains itself: ${program} COMMAND --help`)
    .configureHelp({ helpWidth })
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  for (const { name, summary, load } of commands) {
    const sub = root.command(name).summary(summary).description(`${summary}.`);
    if (name !== words[0]) continue;
    const command = await load();
    addToHelp(sub, command, program);
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
      await assertOwnPayload();
      return undefined;
    }
    const known = commands.some(({ name }) => name === words[0]);
    throw usageError(error, known ? `${program} ${words[0]} --help` : `${program} --help`);
  }
  return read;
}
