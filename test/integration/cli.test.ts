import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { folderState } from '../fixtures/folder-state.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

const empty = builtExecutable();
const payload = await makeTinyPayload({ executable: empty });
const work = mkdtempSync(join(tmpdir(), 'cli-'));
after(() => {
  payload.remove();
  rmSync(work, { recursive: true });
});

const cutOff = join(payload.folder, 'cut-off');
copyFileSync(payload.path, cutOff);
truncateSync(cutOff, payload.index.fileSize - 60_000);

for (const flag of ['-v', '--version']) {
  test(`${flag} says the payload's product and version in one line`, async () => {
    const { exitCode, stdout, stderr } = await runProgram([payload.path, flag]);
    assert.deepEqual([exitCode, stdout, stderr], [0, 'tiny 2026.1\n', '']);
  });
}

test('an executable without a payload says so, and what it is missing when something is asked of it', async () => {
  assert.equal((await runProgram([empty, '-v'])).stdout, 'ivaap (no payload)\n');
  for (const args of [['manifest'], ['verify'], ['extract-file', 'x', 'y'], ['extract', 'z']]) {
    const { exitCode, stderr } = await runProgram([empty, ...args], { cwd: work });
    assert.equal(exitCode, 4, args.join(' '));
    assert.match(stderr, /carries no payload/);
    assert.match(stderr, /^try: /m);
  }
});

test('an executable that was cut off says how much of it is there, on every command', async () => {
  for (const args of [['-v'], ['manifest'], ['verify'], ['extract-file', 'x', 'y']]) {
    const { exitCode, stderr } = await runProgram([cutOff, ...args], { cwd: work });
    assert.equal(exitCode, 4, args.join(' '));
    assert.match(stderr, /incomplete: \d+ of \d+ bytes, complete up to /);
  }
});

test('--help of the program and of each command goes to standard output and exits 0', async () => {
  const { stdout, exitCode } = await runProgram([payload.path, '--help']);
  assert.equal(exitCode, 0);
  for (const name of ['manifest', 'extract-file', 'extract', 'verify']) {
    assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
    for (const args of [
      [name, '--help'],
      ['help', name],
    ]) {
      const help = await runProgram([payload.path, ...args]);
      assert.equal(help.exitCode, 0);
      assert.match(help.stdout, /Examples:\n[^]*Exit codes:\n {2}0 +done\n/);
      assert.ok(!help.stdout.includes('undefined'));
    }
  }
});

const unusable: [args: string[], message: RegExp][] = [
  [[], /no command was given/],
  [['manifst'], /unknown command 'manifst'.*Did you mean manifest\?/],
  [['manifest', '--sumary'], /unknown option '--sumary'.*Did you mean --summary\?/],
  [['manifest', 'extra'], /too many arguments/],
  [['--verison'], /unknown option '--verison'.*Did you mean --version\?/],
  [['extract-file', 'a'], /missing required argument 'dest'/],
  [['extract'], /missing required argument 'dir'/],
  [
    ['extract-file', 'docker-image.tar.gz', 'x'],
    /has no docker-image.tar.gz; did you mean docker-images.tar.gz\?/,
  ],
  [['extract-file', 'alpha.tar.gz', 'x'], /did you mean connectors\/alpha.tar.gz/],
  [['extract-file', '../../etc/passwd', 'x'], /the payload has no ..\/..\/etc\/passwd/],
];
for (const [args, message] of unusable) {
  test(`"${args.join(' ')}" exits 2 with a hint, says nothing on standard output and changes nothing`, async () => {
    const before = folderState(work);
    const { exitCode, stdout, stderr } = await runProgram([payload.path, ...args], { cwd: work });
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.match(stderr, /^try: /m);
    assert.deepEqual(folderState(work), before);
  });
}

test('with --json an error is one object on standard output', async () => {
  const { exitCode, stdout } = await runProgram([payload.path, 'extract', '/no/such/folder', '--json']);
  assert.equal(exitCode, 2);
  const { error } = JSON.parse(stdout) as {
    error: { code: string; exitCode: number; message: string; hint: string };
  };
  assert.equal(error.code, 'usage');
  assert.equal(error.exitCode, 2);
  assert.match(error.message, /is in \/no\/such, which is not a folder/);
  assert.ok(error.hint);
});

test('the name by which it was started is the name in its hints', async () => {
  const link = join(work, 'by-another-name');
  symlinkSync(payload.path, link);
  const { stderr } = await runProgram([link, 'manifst']);
  assert.match(stderr, new RegExp(`^try: ${link} --help$`, 'm'));
});

test('a reader that goes away is no failure', async () => {
  const { exitCode, stderr, stdout } = await runProgram([
    'bash',
    '-c',
    `"$0" manifest | head -c 1; echo " \${PIPESTATUS[0]}"`,
    payload.path,
  ]);
  assert.deepEqual([exitCode, stderr, stdout], [0, '', 'P 0\n']);
});

test('NODE_OPTIONS and its kind from the environment have no say', async () => {
  const evil = join(work, 'evil.cjs');
  writeFileSync(evil, 'console.log("evil")');
  const env = { NODE_OPTIONS: `--require ${evil}`, NODE_PATH: work, NODE_EXTRA_CA_CERTS: '/no/such' };
  assert.equal((await runProgram([payload.path, '-v'], { env })).stdout, 'tiny 2026.1\n');
});
