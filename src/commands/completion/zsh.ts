import type { CommandWords, CompletedWords, FlagWords, Value } from './words.ts';

/** Completion functions for zsh, one for each program; the caller adds what registers them. */
export function zshCompletions({ main, pgDump, kubectl }: CompletedWords): Record<string, string> {
  const names = (rows: readonly (readonly [string, string])[]) =>
    rows.map(([name, what]) => quoted(`${name}:${what}`)).join(' ');
  return {
    [main.name]: zshFunction(main.name, [
      'local -a commands',
      'if (( CURRENT == 2 )); then',
      `  commands=(${names(main.commands.map(({ name, summary }) => [name, summary]))})`,
      '  _describe command commands',
      '  return',
      'fi',
      'shift words',
      '(( CURRENT-- ))',
      'case $words[1] in',
      ...main.commands.map((command) => `  ${command.name}) ${argumentsOf(command)} ;;`),
      'esac',
    ]),
    [pgDump.name]: zshFunction(pgDump.name, [argumentsOf(pgDump)]),
    [kubectl.name]: zshFunction(kubectl.name, [
      `local -a verbs=(${kubectl.verbs.join(' ')})`,
      `if (( CURRENT == 2 )); then compadd -- ${kubectl.namespace} $verbs`,
      'elif (( CURRENT == 3 && ! ${verbs[(Ie)$words[2]]} )); then compadd -- $verbs',
      'else _files',
      'fi',
    ]),
  };
}

export const zshName = (name: string) => `_${name}`;

const zshFunction = (name: string, lines: readonly string[]) =>
  [`${zshName(name)}() {`, ...lines.map((line) => `  ${line}`), '}', ''].join('\n');

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const described = (text: string) => text.replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`);

const action = (value: Value): string =>
  value === 'file'
    ? '_files'
    : value === 'folder'
      ? '_files -/'
      : value === 'text'
        ? ' '
        : `(${value.join(' ')})`;

const flagSpec = ({ flag, summary, value }: FlagWords): string =>
  quoted(
    value === undefined
      ? `${flag}[${described(summary)}]`
      : `*${flag}=[${described(summary)}]:value:${action(value)}`,
  );

function argumentsOf({ flags, argument }: CommandWords): string {
  const specs = flags.map(flagSpec);
  if (argument !== undefined) specs.push(quoted(`1:argument:${action(argument)}`));
  return `_arguments ${specs.join(' ')}`;
}
