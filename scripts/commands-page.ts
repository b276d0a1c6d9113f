import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, CommandOption, CommandText } from '../src/commands/command.ts';
import { commands } from '../src/commands/commands.ts';
import { programs } from '../src/commands/programs.ts';
import { errorCodes } from '../src/errors.ts';
import { generatedPage, type GeneratedPage, writePage } from './generated-page.ts';

/**
 * `node scripts/commands-page.ts` writes a page per command to docs/commands/ and their list to
 * docs/commands.md, from the table of commands, as `--help` is made.
 */

const generator = 'scripts/commands-page.ts';
const folder = join(import.meta.dirname, '../docs/commands');

const camel = (flag: string) => flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function option({ flags, summary, choices, conflicts = [] }: CommandOption, all: Command['options']) {
  const excluded = all.map(({ flags: other }) => /^--([a-z-]+)/.exec(other)?.[1] ?? '');
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`]),
    ...conflicts.map((name) => `not with \`--${excluded.find((flag) => camel(flag) === name)}\``),
  ];
  return `- \`${flags}\`: ${summary}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`;
}

/** Flags under their headings, in the order of the help. */
function flags(options: Command['options']): string {
  const shown = options.filter(({ hidden }) => hidden !== true);
  const groups = Map.groupBy(shown, ({ group = 'Flags' }) => group);
  return [...groups]
    .map(([group, members]) => `${group}:\n\n${members.map((one) => option(one, options)).join('\n')}`)
    .join('\n\n');
}

async function page(
  name: string,
  { summary, load }: { summary: string; load(): Promise<CommandText> },
  program = `ivaap ${name}`,
): Promise<GeneratedPage> {
  const command = await load();
  const words = [program, ...(command.arguments ?? []).map((argument) => argument.name)];
  const exits = command.exits.map((code) => errorCodes[code].exit).sort((a, b) => a - b);
  const lists = (await command.lists?.()) ?? [];
  const first = program.split(' ')[0];
  const examples = command.examples.map(([line, does]) => `- \`${`${first} ${line}`.trim()}\`: ${does}`);
  const parts = [
    `# ${name}`,
    sentence(summary),
    `\`\`\`\n${words.join(' ')}${command.options.length === 0 ? '' : ' [flags]'}\n\`\`\``,
    ...(command.arguments === undefined
      ? []
      : [command.arguments.map((one) => `- \`${one.name}\`: ${one.summary}`).join('\n')]),
    ...command.touches,
    ...(command.options.length === 0 ? [] : [flags(command.options)]),
    ...lists.map(
      ({ title, rows }) => `${title}:\n\n${rows.map(([row, what]) => `- \`${row}\`: ${what}`).join('\n')}`,
    ),
    `Examples:\n\n${examples.join('\n')}`,
    `Exit codes: ${[0, ...exits].join(', ')} ([what they mean](../exit-codes.md)).`,
    '[All commands](../commands.md)',
  ];
  return generatedPage(`commands/${name}.md`, generator, parts.join('\n\n'));
}

const intro = `Each command explains itself with \`--help\`, which says the same.
  [operators.md](operators.md) says when to type which. [exit-codes.md](exit-codes.md) says what an exit
  code means, [json.md](json.md) and [events.md](events.md) what \`--json\` prints. \`ivaap -v\` prints
  product and version. \`ki\` and \`ivaap_pgdump\` are other names of the same executable. Each health route of a product adds a step at the end of both graphs:
  \`health_ID\`, \`upgrade_health_ID\`.`;

/** The names that IVAAP's data gives them. */
const others = [
  ['ki', programs.kubectl],
  ['ivaap_pgdump', programs.pgDump],
] as const;

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}.`;

/** The list, then a page per command. */
export async function commandsPages(): Promise<GeneratedPage[]> {
  const rows = [...commands.map((entry) => [entry.name, entry] as const), ...others].map(
    ([name, { summary }]) => `- [${name}](commands/${name}.md): ${summary}`,
  );
  const list = generatedPage('commands.md', generator, `# Commands\n\n${intro}\n\n${rows.join('\n')}\n`);
  return Promise.all([
    list,
    ...commands.map((entry) => page(entry.name, entry)),
    ...others.map(([name, program]) => page(name, program, name)),
  ]);
}

/** A page of a command that is gone is removed. */
async function writePages(): Promise<void> {
  const pages = await commandsPages();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  pages.forEach(writePage);
}

if (import.meta.main) await writePages();
