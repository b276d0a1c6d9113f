import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { chmodSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { emptyState } from '../../src/engine/state.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { folderState } from '../fixtures/folder-state.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';
import { typedByRoot } from '../fixtures/typed-by-root.ts';

// Every folder on the way must be root's alone: not below /tmp.
const product = mkdtempSync('/var/lib/manifest-test-');
const options = { executable: builtExecutable(), product: { folder: product } };
const payload = await makeTinyPayload(options);
const earlier = await makeTinyPayload({ ...options, version: '2025.4' });
const cutOff = join(earlier.folder, 'cut-off');
copyFileSync(earlier.path, cutOff);
truncateSync(cutOff, earlier.index.fileSize - 50_000);
after(() => {
  payload.remove();
  earlier.remove();
  rmSync(product, { recursive: true });
});

const core = join(product, 'docker-images.tar.gz');
const connector = join(product, 'connectors/alpha.tar.gz');

interface Report {
  version: string;
  payloadDigest: string;
  archives: { name: string; path: string; state: string; detail?: string }[];
  images: { reference: string; imageId: string; containerd: string }[];
  refresh: { command: string; why: string }[];
  load: object | null;
  noUpgrade?: string;
}

async function manifest(...args: string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await runProgram([payload.path, 'manifest', '--json', ...args]);
  assert.deepEqual([exitCode, stderr], [0, '']);
  return JSON.parse(stdout) as Report;
}

const extract = (from: { path: string }, name: string, dest: string) =>
  execFileSync(from.path, ['extract-file', name, dest], { stdio: 'pipe' });

beforeEach(() => {
  rmSync(product, { recursive: true, force: true });
  mkdirSync(join(product, 'connectors'), { recursive: true });
});

const states = (report: Report) => report.archives.map(({ state }) => state);

test('on an empty folder all is missing; the commands that it prints put it there, and then it matches', async () => {
  const before = await manifest();
  assert.deepEqual(states(before), ['missing', 'missing']);
  assert.equal(before.payloadDigest, payload.digest);
  for (const { command } of before.refresh) {
    const [program, ...args] = typedByRoot(command);
    execFileSync(program, args, { stdio: 'pipe' });
  }
  const after = await manifest();
  assert.deepEqual(states(after), ['matches', 'matches']);
  assert.deepEqual(after.refresh, []);
});

test('`same` is said only after every byte was read', async () => {
  extract(payload, 'docker-images.tar.gz', core);
  extract(payload, 'connectors/alpha.tar.gz', connector);
  assert.deepEqual(states(await manifest('--deep')), ['same', 'same']);
  const file = openSync(core, 'r+');
  writeSync(file, Buffer.from('damage'), 0, 6, 100_000);
  closeSync(file);
  assert.deepEqual(states(await manifest()), ['matches', 'matches']);
  const [damaged] = (await manifest('--deep')).archives;
  assert.equal(damaged?.state, 'different');
  assert.match(damaged.detail ?? '', /the file is damaged/);
});

test('archives of another release are different', async () => {
  extract(earlier, 'docker-images.tar.gz', core);
  extract(earlier, 'connectors/alpha.tar.gz', connector);
  const report = await manifest();
  assert.deepEqual(states(report), ['different', 'different']);
  assert.deepEqual(
    report.refresh.map(({ command }) => command),
    [
      `${payload.path} extract-file docker-images.tar.gz ${core}`,
      `${payload.path} extract-file connectors/alpha.tar.gz ${connector}`,
    ],
  );
});

/** The payload's archive, written by other tools: other bytes, the same images. */
function rewritten(from: { path: string }, dest: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'rewritten-'));
  const unpack =
    '"$0" extract-file docker-images.tar.gz - | tar -xz -C "$1" && tar -cf - -C "$1" . | gzip -6 > "$2"';
  execFileSync('bash', ['-c', unpack, from.path, folder, dest], { stdio: 'pipe' });
  rmSync(folder, { recursive: true });
}

test('a file that is older than the installed release says that no upgrade goes to it, and not what one would load', async () => {
  const installer = join(product, '.installer');
  const state = join(installer, 'state.json');
  const installed = (version: string) => {
    mkdirSync(installer, { recursive: true });
    const facts = { version, payloadDigest: 'x', completedAt: '2026-01-01T00:00:00Z' };
    writeFileSync(state, JSON.stringify({ ...emptyState('tiny'), installed: facts }));
  };
  try {
    for (const [version, isNewer] of [
      ['2026.2', true],
      ['2027.1', true],
      ['2026.1', false],
      ['2025.9', false],
    ] as const) {
      installed(version);
      const { noUpgrade, load } = await manifest();
      const why = `${version} is installed, which is newer than 2026.1`;
      assert.equal(noUpgrade, isNewer ? why : undefined);
      const { stdout } = await runProgram([payload.path, 'manifest', '--summary']);
      assert.equal(stdout.includes(`An upgrade would load nothing: ${why}.\n`), isNewer);
      if (isNewer) assert.equal(load, null);
    }
    writeFileSync(state, '{');
    assert.equal((await manifest()).noUpgrade, undefined);
  } finally {
    rmSync(installer, { recursive: true });
  }
});

test('an archive of other tools is unknown until --deep has compared the images inside', async () => {
  rewritten(payload, core);
  assert.equal((await manifest()).archives[0]?.state, 'unknown');
  const [same] = (await manifest('--deep')).archives;
  assert.deepEqual(
    [same?.state, same?.detail],
    ['same', 'not written by this program; it holds the same images'],
  );
  rewritten(earlier, core);
  const [other] = (await manifest('--deep')).archives;
  assert.equal(other?.state, 'different');
  assert.match(other.detail ?? '', /without the payload's registry.example\/tiny\/server:2026.1, /);
});

const odd: [what: string, make: () => void, state: string][] = [
  [
    'cut off',
    () => (extract(payload, 'docker-images.tar.gz', core), truncateSync(core, 100_000)),
    'different',
  ],
  ['a text', () => writeFileSync(core, 'no archive'), 'unknown'],
  ['empty', () => writeFileSync(core, ''), 'unknown'],
  ['a folder', () => mkdirSync(core), 'different'],
  ['a link', () => symlinkSync('/dev/zero', core), 'different'],
  ['a named pipe', () => execFileSync('mkfifo', [core]), 'different'],
];
for (const [what, make, state] of odd) {
  test(`an archive on disk that is ${what}: ${state}, with a reason, and --deep never takes it for the same`, async () => {
    make();
    const [archive] = (await manifest()).archives;
    assert.equal(archive?.state, state);
    assert.ok(archive.detail);
    assert.equal((await manifest('--deep')).archives[0]?.state, 'different');
  });
}

test('without root it says what it could not see', async () => {
  extract(payload, 'docker-images.tar.gz', core);
  chmodSync(payload.folder, 0o755);
  chmodSync(product, 0o755);
  chmodSync(core, 0o600);
  const { exitCode, stdout } = await runProgram([payload.path, 'manifest', '--summary'], { uid: 1234 });
  assert.equal(exitCode, 0);
  assert.match(stdout, /docker-images.tar.gz .* not readable: not readable by this user: use sudo/);
  assert.match(stdout, /containerd and the cluster were not compared: only root can query it; use sudo/);
});

test('the summary names product, images and archives within 80 columns, and it changes nothing', async () => {
  extract(payload, 'docker-images.tar.gz', core);
  const before = folderState(product);
  const { stdout } = await runProgram([payload.path, 'manifest', '--summary']);
  assert.match(stdout, /^Product +Tiny 2026.1$/m);
  assert.match(stdout, /^docker-images.tar.gz +2 images .* matches \(contents not read\)$/m);
  const table = stdout.slice(0, stdout.indexOf('\nTo '));
  const wide = table.split('\n').filter((line) => line.length > 80 && !line.startsWith('Digest'));
  assert.deepEqual(wide, []);
  assert.deepEqual(folderState(product), before);
});

test('the manifest counts every byte of the file', async () => {
  const report = (await manifest()) as Report & {
    fileBytes: number;
    headBytes: number;
    payloadBytes: number;
  };
  assert.equal(report.fileBytes, readFileSync(payload.path).length);
  assert.equal(report.headBytes + report.payloadBytes, report.fileBytes);
});

test('--diff prints what another release holds otherwise, as text and as JSON, from an index that is read alone', async () => {
  const { exitCode, stdout, stderr } = await runProgram([payload.path, 'manifest', '--diff', earlier.path]);
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /^Release +Tiny 2025.4 +Tiny 2026.1$/m);
  assert.match(stdout, /^Images: 0 added, 3 changed, 0 removed, 0 the same; 3 new layers, /m);
  assert.match(stdout, /^Chart files: 0 added, 1 changed, 0 removed\n {2}~ {2}Chart.yaml$/m);
  const json = await runProgram([payload.path, 'manifest', '--json', '--diff', earlier.path]);
  const diff = JSON.parse(json.stdout) as { from: { payloadDigest: string }; to: { payloadDigest: string } };
  assert.deepEqual([diff.from.payloadDigest, diff.to.payloadDigest], [earlier.digest, payload.digest]);
  assert.match(stdout, / {2}~ {2}\S+:2025\.4 -> \S+:2026\.1 /);
});

const unusable: [what: string, path: string, exitCode: number, message: RegExp][] = [
  ['not there', '/no/such/file', 2, /\/no\/such\/file cannot be read/],
  ['a folder', product, 2, /is not a regular file/],
  ['cut off', cutOff, 4, /cut-off is incomplete: \d+ of \d+ bytes/],
  ['something else', '/etc/passwd', 4, /\/etc\/passwd carries no payload/],
  ['an empty name', '', 2, /the value of --diff is empty/],
];
for (const [what, path, code, message] of unusable) {
  test(`--diff with a file that is ${what}: exit ${code} and a hint`, async () => {
    const { exitCode, stdout, stderr } = await runProgram([payload.path, 'manifest', '--diff', path]);
    assert.deepEqual([exitCode, stdout], [code, '']);
    assert.match(stderr, message);
    assert.match(stderr, /^try: /m);
  });
}

test('--diff excludes what looks at this host', async () => {
  for (const flag of ['--deep', '--summary']) {
    const { exitCode } = await runProgram([payload.path, 'manifest', '--diff', earlier.path, flag]);
    assert.equal(exitCode, 2);
  }
});
