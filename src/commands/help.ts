import { Argument, type Command as Commander, Help, type HelpConfiguration, Option } from 'commander';
import { errorCodes } from '../errors.ts';
import { textWidth } from '../ui/width.ts';
import { tableRows, wrapLine, wrapWords } from '../ui/wrap.ts';
import type { CommandText, HelpList } from './command.ts';

/** The terminal's width, at most 100 columns; 80 for a file or pipe. */
export const helpWidth = (): number => Math.min(100, Math.max(40, process.stdout.columns ?? 80));

/** A column of text that is narrower than this is worse to read than none. */
const leastColumn = 20;
const indent = 2;

/** A term and what it means in two lines or more, for a screen without room for two columns. */
const stacked = (term: string, meaning: string, width: number): string[] => [
  ...wrapLine(' '.repeat(indent) + term, width),
  ...wrapLine(' '.repeat(3 * indent) + meaning, width).map(
    (line) => ' '.repeat(3 * indent) + line.trimStart(),
  ),
];

/** How commander lays out its part of the help; `usage` has more than one line on a narrow screen. */
export function layout(): HelpConfiguration {
  const width = helpWidth();
  const usage = 'Usage: '.length;
  return {
    helpWidth: width,
    minWidthToWrap: leastColumn,
    styleUsage: (text) => wrapWords(text, width - usage).join(`\n${' '.repeat(usage)}`),
    formatItem(term, termWidth, meaning, helper) {
      const isNarrow = width - termWidth - 2 * indent < leastColumn;
      return isNarrow
        ? stacked(term, meaning, width).join('\n')
        : Help.prototype.formatItem.call(helper, term, termWidth, meaning, helper);
    },
  };
}

/** Arguments, options and the text below them in `--help`. */
export function describe(
  sub: Commander,
  command: CommandText,
  { program, lists }: { program: string; lists: readonly HelpList[] },
): void {
  for (const { name, summary, choices } of command.arguments ?? []) {
    const argument = new Argument(name, summary);
    sub.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
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
function helpFooter(command: CommandText, program: string, lists: readonly HelpList[]): string[] {
  const width = helpWidth();
  const list = ({ title, rows }: HelpList) => ['', ...wrapLine(`${title}:`, width), ...table(rows, width)];
  return [
    '',
    ...command.touches.flatMap((text, at) => [...(at === 0 ? [] : ['']), ...paragraph(text, width)]),
    ...lists.flatMap(list),
    '',
    'Examples:',
    ...command.examples.flatMap(([line, does]) => [
      ...pasteable(`  ${program} ${line}`.trimEnd(), width),
      ...wrapLine(`      ${does}`, width),
    ]),
    ...list({ title: 'Exit codes', rows: exitRows(command) }),
  ];
}

/** A long command is split with `\\` between words, so that it can be pasted; a long word stays whole. */
function pasteable(line: string, width: number): string[] {
  const lines: string[] = [];
  let piece = '';
  for (const word of line.trimStart().split(' ')) {
    const margin = ' '.repeat(lines.length === 0 ? indent : 2 * indent);
    if (piece !== '' && textWidth(`${margin}${piece} ${word} \\`) > width) {
      lines.push(`${margin}${piece} \\`);
      piece = word;
    } else piece += piece === '' ? word : ` ${word}`;
  }
  return [...lines, ' '.repeat(lines.length === 0 ? indent : 2 * indent) + piece];
}

/** Wrapped without the indent of continuation lines. */
const paragraph = (text: string, width: number): string[] =>
  wrapLine(text, width).map((line) => line.trimStart());

function table(rows: HelpList['rows'], width: number): string[] {
  const terms = Math.max(0, ...rows.map(([term = '']) => textWidth(term)));
  if (width - terms - 2 * indent < leastColumn) {
    return rows.flatMap(([term = '', ...meaning]) => stacked(term, meaning.join(' '), width));
  }
  return tableRows(rows, { width: width - indent })
    .flat()
    .map((line) => ' '.repeat(indent) + line);
}

export function exitRows({ exits, exitMeanings = {} }: CommandText): [string, string][] {
  const rows = exits
    .map((code) => ({ ...errorCodes[code], meaning: exitMeanings[code] ?? errorCodes[code].meaning }))
    .sort((a, b) => a.exit - b.exit);
  return [['0', 'done'], ...rows.map(({ exit, meaning }): [string, string] => [String(exit), meaning])];
}
