import type { CompletedWords, FlagWords, Value } from './words.ts';

/** Completions for fish, a file for each program. */
export function fishCompletions({ main, pgDump, kubectl }: CompletedWords): Record<string, string> {
  const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
  const first = `'test (count (commandline -opc)) -eq 1'`;
  const verbs = kubectl.verbs.join(' ');
  return {
    [main.name]: text([
      `complete -c ${main.name} -n __fish_use_subcommand -f`,
      ...main.commands.flatMap(({ name, summary, flags, argument }) => {
        const seen = `complete -c ${main.name} -n '__fish_seen_subcommand_from ${name}'`;
        return [
          `complete -c ${main.name} -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
          `${seen} ${ofArgument(argument)}`,
          ...flags.map((flag) => `${seen} ${ofFlag(flag)}`),
        ];
      }),
    ]),
    [pgDump.name]: text(pgDump.flags.map((flag) => `complete -c ${pgDump.name} ${ofFlag(flag)}`)),
    [kubectl.name]: text([
      `complete -c ${kubectl.name} -n ${first} -f -a '${kubectl.namespace} ${verbs}'`,
      `complete -c ${kubectl.name} -n 'test (count (commandline -opc)) -eq 2; and not contains -- ` +
        `(commandline -opc)[2] ${verbs}' -f -a '${verbs}'`,
    ]),
  };
}

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function ofArgument(value: Value | undefined): string {
  if (value === 'file') return '-F';
  if (value === 'folder') return `-f -a '(__fish_complete_directories)'`;
  return typeof value === 'object' ? `-f -a '${value.join(' ')}'` : '-f';
}

function ofFlag({ flag, summary, value }: FlagWords): string {
  const kind = value === undefined ? '' : value === 'text' ? ' -x' : ` -r ${ofArgument(value)}`;
  return `-l ${flag.slice(2)}${kind} -d ${quoted(summary)}`;
}
