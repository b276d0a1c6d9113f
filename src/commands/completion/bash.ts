import type { CommandWords, CompletedWords, FlagWords, Value } from './words.ts';

/** Completions for bash 4 and newer, a file for each program; it needs no other file. */
export function bashCompletions({ main, pgDump, kubectl }: CompletedWords): Record<string, string> {
  return {
    [main.name]: script(main.name, mainBody(main.commands)),
    [pgDump.name]: script(pgDump.name, commandBody(pgDump)),
    [kubectl.name]: script(
      kubectl.name,
      [
        `if ((COMP_CWORD == 1)); then ${words([kubectl.namespace, ...kubectl.verbs])}`,
        'elif ((COMP_CWORD == 2)); then',
        `  case " ${kubectl.verbs.join(' ')} " in`,
        `    *" \${COMP_WORDS[1]} "*) ;;`,
        `    *) ${words(kubectl.verbs)} ;;`,
        '  esac',
        'fi',
      ],
      '-o default',
    ),
  };
}

const words = (list: readonly string[]) =>
  `mapfile -t COMPREPLY < <(compgen -W '${list.join(' ')}' -- "$cur")`;

const ofKind = (value: Value | undefined): string =>
  value === undefined || value === 'text'
    ? 'return'
    : value === 'file'
      ? 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
      : value === 'folder'
        ? 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur")'
        : words(value);

/** `--flag=value` comes as three words: bash breaks words at `=`. */
function script(name: string, body: readonly string[], options = ''): string {
  const complete = `_${name.replaceAll('-', '_')}_completion`;
  const lines = [
    `${complete}() {`,
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" command= word`,
    '  COMPREPLY=()',
    '  if [[ $cur == = ]]; then cur=',
    `  elif [[ $prev == = ]]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"; fi`,
    ...body.map((line) => `  ${line}`),
    '}',
    `complete ${options === '' ? '' : `${options} `}-F ${complete} ${name}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A flag's value is completed, and nothing else; of a text nothing is known. */
const flagCases = (flags: readonly FlagWords[]): string[] =>
  flags.flatMap(({ flag, value }) => {
    if (value === undefined) return [];
    return [value === 'text' ? `${flag}) return ;;` : `${flag}) ${ofKind(value)}; return ;;`];
  });

function commandBody({ flags, argument }: CommandWords): string[] {
  return [
    'case "$prev" in',
    ...flagCases(flags).map((line) => `  ${line}`),
    'esac',
    `if [[ $cur == -* ]]; then ${words(flags.map(({ flag }) => flag))}; return; fi`,
    ofKind(argument),
  ];
}

function mainBody(commands: readonly CommandWords[]): string[] {
  return [
    `for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    '  case "$word" in -* | =) ;; *) command=$word; break ;; esac',
    'done',
    'case "$command" in',
    `  '' | help) ${words([...commands.map(({ name }) => name), 'help', '--help', '--version'])} ;;`,
    ...commands.flatMap((command) => [
      `  ${command.name})`,
      ...commandBody(command).map((line) => `    ${line}`),
      '    ;;',
    ]),
    'esac',
  ];
}
