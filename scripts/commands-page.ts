import type { Command, CommandOption, CommandText } from '../src/commands/command.ts';
import { commands } from '../src/commands/commands.ts';
import { programs } from '../src/commands/programs.ts';
import { errorCodes } from '../src/errors.ts';
import { generatedPage, type GeneratedPage, writePage } from './generated-page.ts';

/** `node scripts/commands-page.ts` writes docs/commands.md from the table of commands, as `--help` is. */

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

async function section(
  name: string,
  { summary, load }: { summary: string; load(): Promise<CommandText> },
  program = `ivaap ${name}`,
): Promise<string> {
  const command = await load();
  const words = [program, ...(command.arguments ?? []).map((argument) => argument.name)];
  const exits = command.exits.map((code) => errorCodes[code].exit).sort((a, b) => a - b);
  const lists = (await command.lists?.()) ?? [];
  return [
    `## ${name}`,
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    `\`\`\`\n${words.join(' ')}${command.options.length === 0 ? '' : ' [flags]'}\n\`\`\``,
    ...(command.arguments === undefined
      ? []
      : [command.arguments.map((one) => `- \`${one.name}\`: ${one.summary}`).join('\n')]),
    ...command.touches,
    ...(command.options.length === 0 ? [] : [flags(command.options)]),
    ...lists.map(
      ({ title, rows }) => `${title}:\n\n${rows.map(([row, what]) => `- \`${row}\`: ${what}`).join('\n')}`,
    ),
    `Examples:\n\n${command.examples.map(([line, does]) => `- \`${`${program.split(' ')[0]} ${line}`.trim()}\`: ${does}`).join('\n')}`,
    `Exit codes: ${[0, ...exits].join(', ')}.`,
  ].join('\n\n');
}

const intro = `Each command explains itself with \`--help\`, which says the same.
  [operators.md](operators.md) says when to type which. [exit-codes.md](exit-codes.md) says what an exit
  code means, [json.md](json.md) and [events.md](events.md) what \`--json\` prints. \`ivaap -v\` prints
  product and version. \`ki\` and \`ivaap_pgdump\` are other names of the same executable. Each health route of a product adds a step at the end of both graphs:
  \`health_ID\`, \`upgrade_health_ID\`.`;

export async function commandsPage(): Promise<GeneratedPage> {
  const sections = await Promise.all([
    ...commands.map((entry) => section(entry.name, entry)),
    // The names that IVAAP's data gives them.
    section('ki', programs.kubectl, 'ki'),
    section('ivaap_pgdump', programs.pgDump, 'ivaap_pgdump'),
  ]);
  const markdown = `# Commands

${intro}

${sections.join('\n\n')}
`;
  return generatedPage('commands.md', 'scripts/commands-page.ts', markdown);
}

if (import.meta.main) writePage(await commandsPage());
