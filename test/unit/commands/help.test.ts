import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../../src/commands/commands.ts';
import { textWidth } from '../../../src/ui/width.ts';

const program = join(import.meta.dirname, '../../../src/commands/program.ts');

/** What `--help` of these commands prints on a terminal of that width, in one process of their own. */
function help(names: readonly string[], columns: number): string {
  const script = `
    const { readCommandLine } = await import(${JSON.stringify(program)});
    const { signal } = new AbortController();
    process.stdout.columns = ${columns};
    for (const name of ${JSON.stringify(names)})
      await readCommandLine([name, '--help'], { program: './p', signal, secondSignal: signal });
  `;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

test('every line of the help of every command fits, from 40 to 200 columns', () => {
  for (const columns of [40, 41, 48, 59, 60, 80, 100, 200]) {
    const names = commands.map(({ name }) => name);
    const text = help([...names, '--help'], columns);
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
