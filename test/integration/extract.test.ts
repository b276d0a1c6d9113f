import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { extractTarget, extractToFile } from '../../src/payload/extract-file.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { folderState } from '../fixtures/folder-state.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';
import { typedByRoot } from '../fixtures/typed-by-root.ts';

const archive = 'docker-images.tar.gz';
const payload = await makeTinyPayload({ executable: builtExecutable() });
const work = mkdtempSync(join(tmpdir(), 'extract-'));
const mounts: string[] = [];
after(() => {
  for (const mount of mounts) execFileSync('umount', [mount]);
  payload.remove();
  rmSync(work, { recursive: true });
});

let folders = 0;
function folder(): string {
  const path = join(work, String((folders += 1)));
  mkdirSync(path);
  return path;
}

function smallDisk(sizeBytes: number): string {
  const path = folder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', path]);
  mounts.push(path);
  return path;
}

const tiny = (...args: string[]) => runProgram([payload.path, ...args], { cwd: work });
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const expected = payload.index.archives.find(({ name }) => name === archive)!;

/** The executable with one byte changed at `offset`. */
function damaged(offset: number): string {
  const path = join(folder(), 'damaged');
  copyFileSync(payload.path, path);
  const file = openSync(path, 'r+');
  const byte = readFileSync(payload.path)[offset]!;
  writeSync(file, Buffer.from([byte ^ 1]), 0, 1, offset);
  closeSync(file);
  return path;
}

const layerOf = (reference: string) => {
  const image = payload.index.images.find((candidate) => candidate.reference.includes(reference))!;
  const name = `blobs/${image.layers.at(-1)!.digest.replace(':', '/')}`;
  return payload.index.entries.find((entry) => entry.name === name)!;
};

test('an archive is the same bytes as the index says, each time, and a plain tar.gz to others', async () => {
  const at = folder();
  for (const name of ['one', 'two']) {
    const { exitCode, stderr } = await tiny('extract-file', archive, join(at, name));
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.equal(sha256(join(at, name)), expected.sha256);
  }
  const names = execFileSync('tar', ['-tzf', join(at, 'one')], { encoding: 'utf8' });
  assert.match(names, /^index.json\noci-layout\n/);
  assert.deepEqual(readdirSync(at).sort(), ['one', 'two']);
});

test('`-` is standard output, and nothing else is written there', async () => {
  const at = join(folder(), 'piped');
  execFileSync('bash', ['-c', `"$0" extract-file ${archive} - > "$1"`, payload.path, at]);
  assert.equal(sha256(at), expected.sha256);
});

test('a reader that goes away before the end is a failure', async () => {
  const script = `"$0" extract-file ${archive} - | head -c 10 > /dev/null; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await runProgram(['bash', '-c', script, payload.path]);
  assert.equal(stdout, '6\n');
  assert.match(stderr, /could not be written completely to standard output/);
});

test('an existing archive of ours is replaced in place of its name and keeps owner and mode', async () => {
  const file = join(folder(), 'old');
  assert.equal((await tiny('extract-file', 'connectors/alpha.tar.gz', file)).exitCode, 0);
  chmodSync(file, 0o640);
  chownSync(file, 1234, 4321);
  const inode = statSync(file).ino;
  assert.equal((await tiny('extract-file', archive, file)).exitCode, 0);
  const { uid, gid, mode, ino } = statSync(file);
  assert.deepEqual([uid, gid, mode & 0o7777], [1234, 4321, 0o640]);
  assert.notEqual(ino, inode);
  assert.equal(sha256(file), expected.sha256);
});

test('any other file is replaced only with --force, under any name and for any user', async () => {
  const product = mkdtempSync('/var/lib/extract-test-');
  const other = await makeTinyPayload({ executable: builtExecutable(), product: { folder: product } });
  const run = (...args: string[]) => runProgram([other.path, 'extract-file', ...args]);
  try {
    for (const name of ['connectors', 'elsewhere']) mkdirSync(join(product, name));
    symlinkSync(product, join(work, 'linked'));
    const text = (name: string) => (writeFileSync(join(product, name), 'before'), join(product, name));
    const foreign = (name: string) => {
      writeFileSync(text(name), gzipSync('an archive of another tool'));
      return join(product, name);
    };
    const rows: [name: string, make: () => string, replaced: boolean][] = [
      [archive, () => text(archive), true],
      [archive, () => foreign(archive), true],
      [archive, () => (text(archive), join(work, 'linked', archive)), true],
      ['connectors/alpha.tar.gz', () => text('connectors/gone.tar.gz'), true],
      [archive, () => text('tiny.values.yaml'), false],
      [archive, () => text('elsewhere/docker-images.tar.gz'), false],
      [archive, () => foreign('elsewhere/other.tar.gz'), false],
      [archive, () => text('empty'), false],
      ['tiny.values.template.yaml', () => text(archive), false],
      ['TinyChart/Chart.yaml', () => text('Chart.yaml'), false],
    ];
    for (const [name, make, replaced] of rows) {
      const dest = make();
      const before = readFileSync(dest);
      const { exitCode, stderr } = await run(name, dest);
      assert.equal(exitCode, replaced ? 0 : 2, `${name} ${dest} ${stderr}`);
      assert.equal(readFileSync(dest).equals(before), !replaced, dest);
      if (replaced) continue;
      assert.match(stderr, /is not an archive of this program; nothing was changed/);
      // The command of the hint works as it is.
      const command = /replace it: (.* --force)$/m.exec(stderr)?.[1];
      const forced = await runProgram(typedByRoot(command!));
      assert.equal(forced.exitCode, 0, forced.stderr);
      assert.ok(!readFileSync(dest).equals(before));
    }
    const again = join(product, 'elsewhere/again');
    for (const release of ['connectors/alpha.tar.gz', archive])
      assert.equal((await run(release, again)).exitCode, 0);
    assert.equal(sha256(again), other.index.archives.find(({ name }) => name === archive)!.sha256);
    assert.equal((await run('TinyChart/Chart.yaml', again)).exitCode, 2, 'a file in the place of an archive');
  } finally {
    rmSync(join(work, 'linked'));
    rmSync(product, { recursive: true });
    other.remove();
  }
});

test('a mount point is seen before a byte is written: a folder is filled, a file is refused', async () => {
  const at = folder();
  const [bound, source, file] = ['bound', 'source', 'file'].map((name) => join(at, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [bound, source]) mkdirSync(path);
  writeFileSync(file, 'before');
  writeFileSync(join(at, 'other'), 'other');
  execFileSync('mount', ['--bind', source, bound]);
  mounts.push(bound);
  execFileSync('mount', ['--bind', join(at, 'other'), file]);
  mounts.push(file);
  // What a killed extraction left there, and what a new file system has, are nobody's files.
  mkdirSync(join(bound, 'lost+found'));
  mkdirSync(join(bound, '.bound.4194999-00c0ffee.extracting/chart'), { recursive: true });
  const { exitCode, stderr } = await tiny('extract', bound);
  assert.equal(exitCode, 0, stderr);
  assert.equal(sha256(join(source, archive)), expected.sha256);
  assert.deepEqual(
    readdirSync(bound).filter((name) => name.startsWith('.')),
    [],
  );
  const refusal = await tiny('extract-file', archive, file, '--force');
  assert.equal(refusal.exitCode, 2);
  assert.match(refusal.stderr, /is a mount point and cannot be replaced; nothing was changed\ntry: findmnt /);
  assert.equal(readFileSync(file, 'utf8'), 'other');
});

const refused: [what: string, make: (at: string) => string][] = [
  ['a folder', (at) => at],
  [
    'a link to a file',
    (at) => (writeFileSync(join(at, 'f'), 'f'), symlinkSync('f', join(at, 'l')), join(at, 'l')),
  ],
  ['a link to nowhere', (at) => (symlinkSync('nowhere', join(at, 'l')), join(at, 'l'))],
  ['a device', () => '/dev/null'],
  ['a named pipe', (at) => (execFileSync('mkfifo', [join(at, 'p')]), join(at, 'p'))],
  ['in a missing folder', (at) => join(at, 'no/such')],
  ['this executable', () => payload.path],
];
for (const [what, make] of refused) {
  test(`DEST that is ${what}: exit 2, a hint, nothing changed`, async () => {
    const at = folder();
    const dest = make(at);
    const before = folderState(at);
    const { exitCode, stdout, stderr } = await tiny('extract-file', archive, dest);
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, /nothing was changed\ntry: /);
    assert.deepEqual(folderState(at), before);
    assert.ok(statSync('/dev/null').isCharacterDevice());
  });
}

test('below the product folder a path that others can change is refused to root', async () => {
  const product = mkdtempSync('/var/lib/extract-test-');
  const open = join(product, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  const other = await makeTinyPayload({ executable: builtExecutable(), product: { folder: product } });
  try {
    const { exitCode, stderr } = await runProgram([other.path, 'extract-file', archive, join(open, 'x')]);
    assert.equal(exitCode, 3);
    assert.match(stderr, new RegExp(`${open},? .*can be changed by other users`));
    assert.deepEqual(readdirSync(open), []);
    const beside = await runProgram([other.path, 'extract-file', archive, join(product, 'x')]);
    assert.equal(beside.exitCode, 0);
  } finally {
    rmSync(product, { recursive: true });
    other.remove();
  }
});

test('a changed byte: exit 4 naming entry and bytes, the old file as it was, no temporary file', async () => {
  const layer = layerOf('server');
  const at = folder();
  writeFileSync(join(at, 'old'), 'before');
  const before = folderState(at);
  const file = damaged(layer.offset + 600);
  const { exitCode, stderr } = await runProgram([file, 'extract-file', archive, join(at, 'old'), '--force']);
  assert.equal(exitCode, 4);
  assert.match(stderr, new RegExp(`damaged in ${layer.name} \\(bytes \\d+ to \\d+`));
  assert.deepEqual(folderState(at), before);
  const staged = await runProgram([file, 'extract', join(at, 'stage')]);
  assert.equal(staged.exitCode, 4);
  assert.deepEqual(folderState(at), before);
});

test('damage in one archive does not stop another one from being written', async () => {
  const file = damaged(layerOf('server').offset + 600);
  const { exitCode } = await runProgram([
    file,
    'extract-file',
    'connectors/alpha.tar.gz',
    join(folder(), 'a'),
  ]);
  assert.equal(exitCode, 0);
});

test('a disk without room is refused before anything is written', async () => {
  const at = smallDisk(65_536);
  writeFileSync(join(at, 'old'), 'before');
  const before = folderState(at);
  for (const args of [
    ['extract-file', archive, join(at, 'old'), '--force'],
    ['extract', join(at, 'stage')],
  ]) {
    const { exitCode, stderr } = await tiny(...args);
    assert.equal(exitCode, 3);
    assert.match(
      stderr,
      new RegExp(`${at} has \\d+ bytes free and \\d+ are needed; nothing was changed\ntry: df -h ${at}`),
    );
    assert.deepEqual(folderState(at), before);
  }
});

test('a disk that fills up while writing: the old file is as it was, and the temporary one is gone', async () => {
  const at = smallDisk(1024 * 1024);
  writeFileSync(join(at, 'old'), 'before');
  const before = folderState(at);
  const piece = Buffer.alloc(300_000);
  async function* stream() {
    for (let count = 0; count < 8; count += 1) yield await Promise.resolve(piece);
  }
  const target = await extractTarget(join(at, 'old'), archive, { ourselves: payload.path, asRoot: '' });
  await assert.rejects(
    extractToFile({ name: archive, sizeBytes: 8 * piece.length, mode: 0o644, stream }, target),
    (error: { code: string; message: string }) => {
      assert.equal(error.code, 'failed');
      assert.match(error.message, new RegExp(`no space left on ${at} while writing ${at}/old`));
      return true;
    },
  );
  assert.deepEqual(folderState(at), before);
});

test('extract leaves the staging tree: archives, connectors, chart, values template', async () => {
  const dir = join(folder(), 'stage');
  const { exitCode, stdout } = await tiny('extract', dir);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\S+stage: \d+ files, /);
  assert.equal(sha256(join(dir, archive)), expected.sha256);
  for (const name of ['connectors/alpha.tar.gz', 'TinyChart/Chart.yaml', 'tiny.values.template.yaml']) {
    assert.ok(existsSync(join(dir, name)), name);
  }
  for (const name of ['blobs', 'tools']) assert.ok(!existsSync(join(dir, name)), name);
});

test('extract fills an empty mount point', async () => {
  const dir = smallDisk(8 * 1024 * 1024);
  assert.equal((await tiny('extract', dir)).exitCode, 0);
  assert.equal(sha256(join(dir, archive)), expected.sha256);
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('.')),
    [],
  );
});

test('extract refuses a folder that is not empty, and changes nothing', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'mine'), 'mine');
  const before = folderState(dir);
  const { exitCode, stderr } = await tiny('extract', dir);
  assert.equal(exitCode, 2);
  assert.match(stderr, /is not empty; nothing was changed/);
  assert.deepEqual(folderState(dir), before);
});

test('without root a file of another owner is not replaced', async () => {
  const at = folder();
  chmodSync(work, 0o755);
  chmodSync(payload.folder, 0o755);
  chmodSync(at, 0o777);
  writeFileSync(join(at, 'old'), 'before');
  const before = folderState(at);
  const { exitCode, stderr } = await runProgram([payload.path, 'extract-file', archive, join(at, 'old')], {
    uid: 1234,
  });
  assert.equal(exitCode, 2);
  assert.match(stderr, /belongs to user 0.*\ntry: sudo \S+ extract-file \S+ \S+\/old\n/);
  assert.deepEqual(folderState(at), before);
  // A file of one's own that somebody gave to a group of theirs: known before a byte is written.
  writeFileSync(join(at, 'theirs'), 'before');
  chownSync(join(at, 'theirs'), 1234, 4321);
  const argv = [payload.path, 'extract-file', archive, join(at, 'theirs'), '--force'] as const;
  const theirs = await runProgram([...argv], { uid: 1234 });
  assert.equal(theirs.exitCode, 2);
  assert.match(theirs.stderr, /belongs to group 4321.*; nothing was changed/);
  assert.equal(readFileSync(join(at, 'theirs'), 'utf8'), 'before');
  const own = await runProgram([payload.path, 'extract-file', archive, join(at, 'new')], { uid: 1234 });
  assert.equal(own.exitCode, 0);
  assert.equal(statSync(join(at, 'new')).uid, 1234);
});
