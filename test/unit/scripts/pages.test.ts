import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../../src/commands/commands.ts';
import { errorCodes } from '../../../src/errors.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const withoutCode = (markdown: string) => markdown.replaceAll(/^ *```[^]*?^ *```$/gm, '');

/** As GitHub names them in links. */
const anchors = (markdown: string): string[] =>
  [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every link between pages leads to a file and a heading', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'payload-spec/*.md'], { cwd: root });
  const broken = pages.flatMap((page) =>
    [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchors(read(target)).includes(anchor);
      })
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

const runbook = read('docs/operators.md').replaceAll(/\s+/g, ' ');
const section = (title: string) => runbook.split(`### ${title} `)[1]?.split(' ### ')[0] ?? '';

test('the runbook says what to do at every exit code', () => {
  const told = [...section('By exit code').matchAll(/\*\*(\d+)\*\*/g)].map(([, exit]) => Number(exit));
  const exits = Object.values(errorCodes).map(({ exit }) => exit);
  assert.deepEqual(told, [0, ...exits]);
});

test('messages of the runbook are those of the program', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map(read).join('\n');
  const quoted = [...section('By message').matchAll(/\*\*([^*]+)\*\*/g)].flatMap(([, bold = '']) =>
    [...bold.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
  );
  assert.ok(quoted.length > 20);
  const parts = quoted.flatMap((message) => message.split('...').map((part) => part.trim()));
  assert.deepEqual(
    parts.filter((part) => !sources.includes(part)),
    [],
  );
});

test('commands in the pages name subcommands and flags that exist', async () => {
  const known = await Promise.all(
    commands.map(async ({ name, load }) => {
      const { options } = await load();
      const flags = options.flatMap(({ flags: text }) => text.match(/--[a-z-]+/g) ?? []);
      return [name, new Set([...flags, '--help'])] as const;
    }),
  );
  const byName = new Map(known);
  const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];
  const unknown = pages.flatMap((page) =>
    [...read(page).matchAll(/(?:\.\/ivaap|INSTALLED|installed\/ivaap) ([a-z][a-z-]+)([^\n`|#]*)/g)].flatMap(
      ([line, name = '', rest = '']) => {
        const flags = byName.get(name);
        const wrong = (rest.match(/--[a-z-]+/g) ?? []).filter((flag) => flags?.has(flag) !== true);
        return flags === undefined || wrong.length > 0 ? [`${page}: ${line}`] : [];
      },
    ),
  );
  assert.deepEqual(unknown, []);
});

test('every command has a page of its own, and no page is left of one that is gone', () => {
  const pages = globSync('docs/commands/*.md', { cwd: root }).map((page) => basename(page, '.md'));
  const names = [...commands.map(({ name }) => name), 'ki', 'ivaap_pgdump'];
  assert.deepEqual(pages.toSorted(), names.toSorted());
});
