import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

// Larger than every buffer between the program and a reader that does not read.
const payload = await makeTinyPayload({ executable: builtExecutable(), bigLayerBytes: 24_000_000 });
const work = mkdtempSync(join(tmpdir(), 'own-file-'));
chmodSync(work, 0o755);
after(() => {
  payload.remove();
  rmSync(work, { recursive: true });
});

const archive = payload.index.archives.find(({ size }) => size > 24_000_000)!;

/** Starts giving out the archive, changes the file once the first bytes came, and reads the rest. */
async function giveOutWhile(change: (path: string) => void): Promise<string> {
  const path = join(work, 'delivery');
  copyFileSync(payload.path, path);
  const child = spawn(path, ['extract-file', archive.name, '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  await once(child.stdout, 'readable');
  change(path);
  const hash = createHash('sha256');
  for await (const piece of child.stdout) hash.update(piece as Buffer);
  const [exitCode] = (await ended) as [number];
  assert.equal(exitCode, 0);
  rmSync(path, { force: true });
  return hash.digest('hex');
}

const changes: [what: string, change: (path: string) => void][] = [
  [
    'replaced by another file',
    (path) => {
      writeFileSync(`${path}.new`, 'another release');
      renameSync(`${path}.new`, path);
    },
  ],
  ['renamed', (path) => renameSync(path, `${path}.renamed`)],
  ['removed', (path) => rmSync(path)],
];
for (const [what, change] of changes) {
  test(`a running program reads itself to the end after its file was ${what}`, async () => {
    assert.equal(await giveOutWhile(change), archive.sha256);
  });
}

/** What a command asks the kernel for, one call a line. */
function traced(calls: string, path: string, ...args: string[]): string[] {
  const { status, stderr } = spawnSync('strace', ['-f', '-e', `trace=${calls}`, path, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    // Of a surrounding that needs no putting in order, which would start the program once more.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  assert.equal(status, 0, stderr);
  return stderr.split('\n').filter((line) => /\w+\(.*\) = \d+$/.test(line));
}

test('our own file is opened once', () => {
  const opens = traced('openat', payload.path, 'extract-file', 'TinyChart/values.yaml', '-');
  const ours = opens.filter((line) => line.includes('"/proc/self/exe"'));
  assert.equal(ours.length, 1, ours.join('\n'));
});

test('start-up and a single file read only their own size, for any size of payload', async () => {
  const large = await makeTinyPayload({ executable: builtExecutable(), padToBytes: 2 ** 30 });
  try {
    for (const args of [['-v'], ['extract-file', 'TinyChart/values.yaml', '-']]) {
      const reads = traced('pread64', large.path, ...args);
      const bytes = reads.reduce((sum, line) => sum + Number(/\d+$/.exec(line)?.[0]), 0);
      assert.ok(bytes < 2 ** 20, `${args[0]} read ${bytes} bytes`);
    }
  } finally {
    large.remove();
  }
});

test('a file that may be executed but not read says so', async () => {
  const path = join(work, 'unreadable');
  copyFileSync(payload.path, path);
  chmodSync(path, 0o711);
  const { exitCode, stderr } = await runProgram([path, '-v'], { uid: 65_534 });
  assert.equal(exitCode, 4);
  assert.match(stderr, /cannot read itself: its file may be executed by this user, but not read/);
  assert.match(stderr, /chmod a\+r \S*unreadable/);
});

test('without /proc it says so', async () => {
  const script = 'mount -t tmpfs none /proc && exec "$0" manifest';
  const { exitCode, stderr } = await runProgram(['unshare', '--mount', 'sh', '-ec', script, payload.path]);
  assert.equal(exitCode, 4, stderr);
  assert.match(stderr, /cannot read itself: \/proc is not mounted/);
  assert.match(stderr, /mount -t proc proc \/proc/);
});
