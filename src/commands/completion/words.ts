import { kubectlVerbs } from '../../policy/kubectl-words.ts';
import { type NamedProduct, pathNames } from '../../policy/path-names.ts';
import type { CommandOption, CommandTables, CommandText } from '../command.ts';

/** What a value is: a path, one of some words, or anything. */
export type Value = 'file' | 'folder' | 'text' | readonly string[];

export interface FlagWords {
  /** `--images-from`. */
  flag: string;
  summary: string;
  /** Undefined: the flag takes no value. */
  value: Value | undefined;
}

export interface CommandWords {
  name: string;
  summary: string;
  flags: readonly FlagWords[];
  /** What its first argument is; undefined where it has none. */
  argument: Value | undefined;
}

/** A product, as far as completions and man pages name it. */
export type ShellProduct = NamedProduct & { title: string; namespace: string };

/** All that can be completed, by the name of the program. */
export interface CompletedWords {
  main: { name: string; commands: readonly CommandWords[] };
  pgDump: CommandWords;
  kubectl: { name: string; summary: string; namespace: string; verbs: readonly string[] };
}

export async function completedWords(
  product: ShellProduct,
  { commands, programs }: CommandTables,
): Promise<CompletedWords> {
  const names = pathNames(product);
  const rows = await Promise.all(
    commands.map(async ({ name, summary, load }) => wordsOf(name, summary, await load())),
  );
  return {
    main: { name: names.main, commands: rows },
    pgDump: wordsOf(names.pgDump, programs.pgDump.summary, await programs.pgDump.load()),
    kubectl: {
      name: names.kubectl,
      summary: programs.kubectl.summary,
      namespace: product.namespace,
      verbs: [...kubectlVerbs].filter((verb) => !verb.startsWith('_')),
    },
  };
}

const help: FlagWords = { flag: '--help', summary: 'show this text', value: undefined };

function wordsOf(name: string, summary: string, text: CommandText): CommandWords {
  const shown = text.options.filter(({ hidden }) => hidden !== true);
  const first = text.arguments?.[0]?.name;
  return {
    name,
    summary,
    flags: [...shown.map(flagWords), help],
    argument: first === undefined ? undefined : (text.arguments?.[0]?.choices ?? kindOf(first)),
  };
}

function flagWords({ flags, summary, choices }: CommandOption): FlagWords {
  const flag = /--[a-z][a-z-]*/.exec(flags)?.[0] ?? flags;
  const value = flags.includes('<') ? (choices ?? kindOf(flags)) : undefined;
  return { flag, summary, value };
}

const kindOf = (text: string): Value =>
  /[<[](file|dest)\b/.test(text) ? 'file' : /[<[](folder|dir)\b/.test(text) ? 'folder' : 'text';
