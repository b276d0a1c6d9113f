import { pathNames } from '../policy/path-names.ts';
import type { CommandTables, CommandText, HelpList } from './command.ts';
import { listsOf } from './command-line.ts';
import type { ShellProduct } from './completion/words.ts';
import { exitRows } from './help.ts';

/**
 * Man pages of section 8, from the tables of commands and programs: one for the program, one for each command
 * (`ivaap-install`), one for each other name.
 */
export async function manPages(product: Titled, tables: CommandTables): Promise<Map<string, string>> {
  const { commands, programs } = tables;
  const names = pathNames(product);
  const pages = new Map<string, string>([[names.main, mainPage(product, tables)]]);
  for (const { name, summary, load } of commands) {
    const page = `${names.main}-${name}`;
    pages.set(
      page,
      await commandPage(product, { page, typed: `${names.main} ${name}`, summary, text: await load() }),
    );
  }
  for (const role of others) {
    const { summary, load } = programs[role];
    const page = names[role];
    pages.set(page, await commandPage(product, { page, typed: page, summary, text: await load() }));
  }
  return pages;
}

const others = ['kubectl', 'pgDump'] as const;

type Titled = ShellProduct & { version: string };

/**
 * `-` would become a hyphen that no shell knows; `\\` and a point at the start of a line are roff's own, and
 * what is not ASCII has a name there.
 */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1')
    .replaceAll(
      /[^\n -~]/gu,
      (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    );

const heading = ({ title, version }: Titled, page: string) =>
  `.TH "${roff(page.toUpperCase())}" 8 "" "${roff(`${title} ${version}`)}" "${roff(title)}"`;

const section = (title: string, lines: readonly string[]): string[] => [
  `.SH "${roff(title.toUpperCase())}"`,
  ...lines,
];

/** Rows of a name and what it is. */
const tagged = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([name, what]) => ['.TP', `.B ${quoted(name)}`, roff(what)]);

/** As one argument of a macro. */
const quoted = (text: string) => `"${roff(text).replaceAll('"', '\\(dq')}"`;

const page = (lines: readonly string[]) => `${lines.join('\n')}\n`;

const seeAlso = (names: readonly string[]) =>
  section('See also', [names.map((name) => `.BR ${quoted(name)} (8)`).join(' ,\n')]);

function mainPage(product: Titled, { commands, programs }: CommandTables): string {
  const names = pathNames(product);
  return page([
    heading(product, names.main),
    ...section('Name', [
      `${roff(names.main)} \\- install and upgrade ${roff(product.title)} on a single\\-node k3s host`,
    ]),
    ...section('Synopsis', [`.B ${quoted(names.main)}`, '.I COMMAND', '[\\fIFLAGS\\fR]']),
    ...section('Description', [
      roff(
        `One file that installs and upgrades ${product.title} on a single-node k3s host, offline. Each ` +
          `command has a page of its own, ${names.main}-COMMAND, and explains itself with --help.`,
      ),
    ]),
    ...section('Commands', tagged(commands.map(({ name, summary }) => [name, summary] as const))),
    ...section('Other names', tagged(others.map((role) => [names[role], programs[role].summary] as const))),
    ...section('Options', tagged([['-v, --version', 'print product and version of the payload']])),
    ...seeAlso([
      ...commands.map(({ name }) => `${names.main}-${name}`),
      ...others.map((role) => names[role]),
    ]),
  ]);
}

interface Described {
  page: string;
  typed: string;
  summary: string;
  text: CommandText;
}

async function commandPage(
  product: Titled,
  { page: name, typed, summary, text }: Described,
): Promise<string> {
  const { arguments: args = [], options, touches, examples } = text;
  const shown = options.filter(({ hidden }) => hidden !== true);
  const lists = await listsOf(text);
  const list = ({ title, rows }: HelpList) => section(title, tagged(rows));
  const synopsis = [...args.map((one) => one.name), ...(shown.length === 0 ? [] : ['[FLAGS]'])];
  return page([
    heading(product, name),
    ...section('Name', [`${roff(name)} \\- ${roff(summary)}`]),
    ...section('Synopsis', [`.B ${quoted(typed)}`, roff(synopsis.join(' '))]),
    ...section(
      'Description',
      touches.flatMap((paragraph) => ['.PP', roff(paragraph)]),
    ),
    ...(args.length === 0
      ? []
      : section('Arguments', tagged(args.map((one) => [one.name, one.summary] as const)))),
    ...(shown.length === 0
      ? []
      : section(
          'Options',
          tagged(
            shown.map(({ flags, summary: what, choices }) => [
              flags,
              choices === undefined ? what : `${what}; one of ${choices.join(', ')}`,
            ]),
          ),
        )),
    ...lists.flatMap(list),
    ...section(
      'Examples',
      examples.flatMap(([line, does]) => [
        '.TP',
        `.B ${quoted(`${typed.split(' ')[0] ?? ''} ${line}`.trim())}`,
        roff(does),
      ]),
    ),
    ...section('Exit status', tagged(exitRows(text))),
    ...seeAlso([pathNames(product).main].filter((other) => other !== name)),
  ]);
}
