import { type Command as Commander, Option } from 'commander';
import { type ErrorCode, errorCodes } from '../errors.ts';
import { tableRows, wrapLine } from '../ui/wrap.ts';
import type { Command, HelpList } from './command.ts';

/** The terminal's width, at most 100 columns; 80 for a file or pipe. */
export const helpWidth = (): number => Math.min(100, Math.max(40, process.stdout.columns ?? 80));

/** Arguments, options and the text below them in `--help`. */
export function describe(
  sub: Commander,
  command: Command,
  { program, lists }: { program: string; lists: readonly HelpList[] },
): void {
  for (const { name, summary } of command.arguments ?? []) sub.argument(name, summary);
  for (const { flags, summary, group, hidden, choices, conflicts, repeatable } of command.options) {
    const option = new Option(flags, summary);
    if (group !== undefined) option.helpGroup(`${group}:`);
    if (hidden === true) option.hideHelp();
    if (choices !== undefined) option.choices(choices);
    if (repeatable === true) option.argParser((one: string, all: string[] = []) => [...all, one]);
    if (conflicts !== undefined) option.conflicts([...conflicts]);
    sub.addOption(option);
  }
  const last = command.options.findLast(({ group }) => group !== undefined)?.group;
  if (last !== undefined) sub.optionsGroup(`${last}:`);
  sub.helpOption('-h, --help', 'show this text');
  sub.addHelpText('after', () => helpFooter(command, program, lists).join('\n'));
}

/** Enough to work from without the guide. */
function helpFooter(command: Command, program: string, lists: readonly HelpList[]): string[] {
  const width = helpWidth();
  const list = ({ title, rows }: HelpList) => ['', `${title}:`, ...table(rows, width)];
  return [
    '',
    ...command.touches.flatMap((text, at) => [...(at === 0 ? [] : ['']), ...paragraph(text, width)]),
    ...lists.flatMap(list),
    '',
    'Examples:',
    ...command.examples.flatMap(([line, does]) => [
      ...pasteable(`  ${program} ${line}`, width),
      ...wrapLine(`      ${does}`, width),
    ]),
    ...list({ title: 'Exit codes', rows: exitRows(command.exits) }),
  ];
}

/** A long command is split with `\`, so that it can be pasted. */
const pasteable = (line: string, width: number): string[] =>
  wrapLine(line, width - 2).map((piece, at, all) => (at === all.length - 1 ? piece : `${piece} \\`));

/** Wrapped without the indent of continuation lines. */
const paragraph = (text: string, width: number): string[] =>
  wrapLine(text, width).map((line) => line.trimStart());

const table = (rows: HelpList['rows'], width: number): string[] =>
  tableRows(rows, { width: width - 2 })
    .flat()
    .map((line) => `  ${line}`);

function exitRows(codes: readonly ErrorCode[]): [string, string][] {
  const rows = codes.map((code) => errorCodes[code]).sort((a, b) => a.exit - b.exit);
  return [['0', 'done'], ...rows.map(({ exit, meaning }): [string, string] => [String(exit), meaning])];
}
