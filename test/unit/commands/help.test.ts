import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { commands } from '../../../src/commands/commands.ts';
import { textWidth } from '../../../src/ui/width.ts';

const program = join(import.meta.dirname, '../../../src/commands/program.ts');

const widths = [40, 41, 48, 59, 60, 80, 100, 200];
const all = [...commands.map(({ name }) => name), '--help'];

/**
 * What `--help` prints of all commands on terminals of all widths, by `columns command`; one process prints
 * all of it, because a process takes longer to load the commands than to print their help.
 */
const printed = new Map<string, string>();
before(() => {
  const script = `
    const { readCommandLine } = await import(${JSON.stringify(program)});
    const { signal } = new AbortController();
    for (const columns of ${JSON.stringify(widths)}) {
      process.stdout.columns = columns;
      for (const name of ${JSON.stringify(all)}) {
        await readCommandLine([name, '--help'], { program: './p', signal, secondSignal: signal });
        process.stdout.write('\\0');
      }
    }
  `;
  const argv = ['--input-type=module', '-e', script];
  const texts = execFileSync(process.execPath, argv, { encoding: 'utf8' }).split('\0').slice(0, -1);
  assert.equal(texts.length, widths.length * all.length);
  for (const columns of widths)
    for (const name of all) printed.set(`${columns} ${name}`, texts.shift() ?? '');
});

/** What `--help` of these commands prints on a terminal of that width. */
const help = (names: readonly string[], columns: number): string =>
  names.map((name) => printed.get(`${columns} ${name}`)).join('');

test('every line of the help of every command fits, from 40 to 200 columns', () => {
  for (const columns of widths) {
    const text = help(all, columns);
    assert.equal(text.match(/Exit codes:\n {2}0\s+done\n/g)?.length, commands.length);
    for (const line of text.split('\n')) {
      assert.ok(textWidth(line) <= Math.min(columns, 100), `${columns}: ${line}`);
    }
  }
});

test('flags of install stand in groups, those that do nothing are not shown, and steps are those of the graphs', () => {
  const text = help(['install'], 100);
  const heads = [...text.matchAll(/^[A-Z].*:$/gm)].map(([head]) => head);
  assert.deepEqual(heads, [
    'Install:',
    'Upgrade:',
    'Install and upgrade:',
    'Output:',
    'Steps of an install:',
    'Steps of an upgrade:',
    'Steps that come with another major version of PostgreSQL:',
    'Steps of a rehearsal:',
    'Examples:',
    'Exit codes:',
  ]);
  assert.doesNotMatch(text, /^Options:/m);
  assert.match(text, /^ {2}helm_deploy +Deploy the release$/m);
  assert.match(text, /^ {2}upgrade_pg_backup +Back up the database$/m);
});

test('a command that is longer than the screen can be pasted as it is', () => {
  assert.match(
    help(['install'], 60),
    /--license \\\n +license\.json --yes\n|\\\n +--license license\.json --yes\n/,
  );
});

test('on a narrow screen nothing is cut inside a word, and a term stands above what it means', () => {
  const words = (columns: number) =>
    new Set(
      help(
        commands.map(({ name }) => name),
        columns,
      ).split(/[\s\\]+/),
    );
  assert.deepEqual([...words(40)].sort(), [...words(100)].sort());
  assert.match(help(['install'], 40), /^ {2}upgrade_pg_backup\n {6}Back up the database$/m);
});

test('steps that come only with another major version of PostgreSQL are listed too', () => {
  for (const id of ['upgrade_halt', 'upgrade_pg_load', 'upgrade_pg_switch', 'upgrade_start'])
    assert.match(help(['install'], 80), new RegExp(`^ +${id} `, 'm'));
  assert.match(help(['restore'], 80), /^ +restore_folder /m);
});
