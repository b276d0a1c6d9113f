import type { ErrorCode } from '../errors.ts';
import type { Again } from '../policy/again.ts';
import type { Role } from '../policy/path-names.ts';

/** The value of an option that takes one text; undefined where it was not typed. */
export const textOf = (value: Invocation['options'][string]): string | undefined =>
  typeof value === 'string' ? value : undefined;

/**
 * What main.ts hands to a command: the parsed command line and the signals of a first and a second request to
 * stop.
 */
export interface Invocation {
  /** Positional arguments, in the order of {@link Command.arguments}; an absent optional one is undefined. */
  args: readonly (string | undefined)[];
  /** By commander's names: `--accept-data-loss` is `acceptDataLoss`. */
  options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Results and events are JSON on stdout. */
  json: boolean;
  /** This program in the commands that messages tell the operator to run: `./ivaap`, or `sudo ./ivaap`. */
  program: string;
  /** The whole command line as it was typed, for hints that change one thing of it. */
  again: Again;
  /** Aborted by the first SIGINT or SIGTERM; the reason is the IvaapError to end with. */
  signal: AbortSignal;
  /** Aborted by a second request to stop. */
  secondSignal: AbortSignal;
  /** All commands and names of this program, for what is made from them. */
  tables: CommandTables;
}

export interface CommandTables {
  commands: readonly CommandEntry[];
  programs: Programs;
}

export interface CommandArgument {
  /** As commander writes it: `<name>` is required, `[name]` is not. */
  name: string;
  summary: string;
  choices?: readonly string[];
}

export interface CommandOption {
  /** As commander writes it: `--images-from <source>`. */
  flags: string;
  summary: string;
  /** Under which heading the help shows it. */
  group?: string;
  /** Accepted but not shown: a flag without effect yet. */
  hidden?: boolean;
  choices?: readonly string[];
  /** May be repeated: its value is the list of all values. */
  repeatable?: boolean;
  /** Names of options that exclude this one, as commander names them. */
  conflicts?: readonly string[];
}

/** A list in the help: names with their descriptions. */
export interface HelpList {
  title: string;
  rows: readonly (readonly [name: string, what: string])[];
}

/** What help, man page, completion and docs/commands.md are made from. */
export interface CommandText {
  arguments?: readonly CommandArgument[];
  options: readonly CommandOption[];
  /** What it reads, writes and needs, in complete sentences, a paragraph each. */
  touches: readonly string[];
  /** Further lists in its help; loaded only for the help. */
  lists?(): Promise<readonly HelpList[]>;
  /** Fields of what `--json` prints; loaded only for the help, since queries run without their schemas. */
  jsonFields?(): Promise<readonly HelpList[]>;
  /** Arguments after the program's name, and what they do. */
  examples: readonly (readonly [line: string, does: string])[];
  /** The failures that an operator may see from this command. */
  exits: readonly ErrorCode[];
  /** What a code means of this command, where that is something else than of the others. */
  exitMeanings?: Partial<Record<ErrorCode, string>>;
}

/** One subcommand: its help is made from the text, its work is `run`. */
export interface Command extends CommandText {
  /** Throws `usage` for flags that exclude each other, before anything is read. */
  check?(invocation: Invocation): void;
  /** Throws IvaapError for every expected failure; returning is exit 0. */
  run(invocation: Invocation): Promise<void>;
}

/** A row of the table of commands: the module is loaded only for its command. */
export interface CommandEntry {
  name: string;
  summary: string;
  load(): Promise<Command>;
}

/** What this executable is under its other names. */
export type Programs = Readonly<
  Record<Exclude<Role, 'main'>, { summary: string; load(): Promise<CommandText> }>
>;
