import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');
const node = process.execPath;
const commands: [name: string, ...argv: string[]][] = [
  ['scripts/demo', 'scripts/demo'],
  ['scripts/test', 'scripts/test'],
  ['scripts/proofs', 'scripts/proofs'],
  ['npm run check', node, 'scripts/check.ts'],
  ['npm run build', node, 'build/build.ts'],
  ['npm run bench', node, 'scripts/bench.ts'],
  ['scripts/run-suite.ts', node, 'scripts/run-suite.ts'],
  ['npm run test:fuzz', node, 'test/fuzz/cli.ts'],
];

for (const [name, program = '', ...args] of commands) {
  const run = (...more: string[]) => {
    const argv = [...args, ...more];
    const { status, stdout, stderr } = spawnSync(program, argv, { cwd: root, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  test(`${name} --help is a short usage and does nothing else`, () => {
    for (const flag of ['--help', '-h']) {
      const { status, stdout, stderr } = run(flag);
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, new RegExp(`^usage: .*${name}`));
      assert.ok(stdout.split('\n').length < 20, stdout);
    }
  });

  test(`${name} refuses an unknown flag with 2 and says which`, () => {
    const { status, stdout, stderr } = run('--nonsense');
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr.split('\n')[0] ?? '', /--nonsense/);
    assert.doesNotMatch(stderr, /^ +at /m);
  });
}

test('a script that a person types refuses a flag before it sets anything up, without Node', () => {
  const { status, stderr } = spawnSync('/bin/bash', ['scripts/demo', '--keep', '--kep'], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  assert.equal(status, 2);
  assert.equal(stderr, 'scripts/demo: unknown argument: --kep (try: scripts/demo --help)\n');
});
