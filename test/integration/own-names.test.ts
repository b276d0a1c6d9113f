import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { emptyState } from '../../src/engine/state.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { fakeK3s, inOwnMounts } from '../fixtures/own-mounts.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload, type TinyPayload } from '../fixtures/tiny-payload.ts';

/** The built executable under its three names, and what `activate` puts on a real PATH. */

const work = mkdtempSync('/var/lib/own-names-');
const prefix = join(work, 'local');
const product = { folder: join(work, 'product'), onPath: { prefix, kubectl: 'tk' } };
let payload: TinyPayload;
const file = join(work, 'package/tiny');

/** Prints what it was started with, and does what its words ask for. */
const k3s = fakeK3s({
  kubectl:
    'echo "$*|$KUBECONFIG|$(umask)"; case "$*" in *tty*) [ -t 0 ] && [ -t 1 ] && echo terminal ;; ' +
    '*hang*) trap "exit 33" TERM; trap "exit 34" INT; echo ready; sleep 5 & wait ;; *code*) exit 42 ;; esac',
});

before(async () => {
  chmodSync(work, 0o755);
  payload = await makeTinyPayload({ executable: builtExecutable(), product });
  mkdirSync(join(work, 'package'));
  mkdirSync(join(work, 'product/.installer'), { recursive: true, mode: 0o700 });
  const installed = { version: '2026.1', payloadDigest: 'x', completedAt: '2026-01-01T00:00:00Z', key: null };
  const state = JSON.stringify({ ...emptyState('tiny'), installed });
  writeFileSync(join(work, 'product/.installer/state.json'), state, { mode: 0o600 });
  mkdirSync(join(prefix, 'bin'), { recursive: true });
  copyFileSync(payload.path, file);
  for (const name of ['tk', 'tiny_pgdump', 'renamed']) symlinkSync('tiny', join(work, 'package', name));
});
after(() => {
  payload.remove();
  k3s.remove();
  rmSync(work, { recursive: true });
});

const path = `${prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const withK3s = (program: string, ...args: string[]) =>
  inOwnMounts(`${k3s.mount}; umask 027`, [program, ...args]);
const inPackage = (name: string) => join(work, 'package', name);
const usual = '/etc/rancher/k3s/k3s.yaml';

test('kubectl gets the namespace and every word as it was typed; its exit code is ours', async () => {
  const rows: [string[], string, number][] = [
    [['tiny', 'delete', 'pod', '-l', 'app=adminserver'], '-n tiny delete pod -l app=adminserver', 0],
    [['get', 'pods'], '-n tiny get pods', 0],
    [['-A', 'get', 'pods'], '-n tiny -A get pods', 0],
    [['other', 'exec', 'x', '--', 'sh', '-c', 'a  b'], '-n other exec x -- sh -c a  b', 0],
    [['other', 'code'], '-n other code', 42],
  ];
  for (const [typed, words, exit] of rows) {
    const { exitCode, stdout, stderr } = await runProgram(withK3s(inPackage('tk'), ...typed));
    assert.deepEqual([stdout, stderr, exitCode], [`kubectl ${words}|${usual}|0027\n`, '', exit]);
  }
});

test('kubectl has the terminal, and gets the signals, for it is the same process', async () => {
  const [program, ...args] = withK3s(inPackage('tk'), 'tiny', 'tty');
  const typed = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', typed, '/dev/null'], { encoding: 'utf8', input: '' });
  assert.match(stdout, /terminal\r\n/);
  for (const [signal, code] of [
    ['SIGTERM', 33],
    ['SIGINT', 34],
  ] as const) {
    const child = spawn(program, [...args.slice(0, -1), 'hang'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((done) => child.on('exit', done));
    let said = '';
    child.stdout.on('data', (piece: Buffer) => {
      if (!said.includes('ready') && (said += piece.toString()).includes('ready')) child.kill(signal);
    });
    assert.equal(await ended, code, signal);
  }
});

test('kubectl without a reader, and without standard output, ends as kubectl does', async () => {
  for (const redirect of ['>&-', '| head -c 0', '2>&-']) {
    const shell = ['sh', '-c', `"$@" tiny get ${redirect}`, 'sh', ...withK3s(inPackage('tk'))] as const;
    assert.equal((await runProgram([...shell])).exitCode, 0, redirect);
  }
});

test('without a word, without k3s, and for a user who may not read the kubeconfig, it says what to do', async () => {
  const bare = await runProgram([inPackage('tk')]);
  assert.equal(bare.exitCode, 2);
  assert.match(bare.stderr, /tk needs a namespace, or a command of kubectl\ntry: .*tk tiny get pods/);
  const missing = await runProgram([inPackage('tk'), 'get', 'pods']);
  assert.equal(missing.exitCode, 3);
  assert.match(missing.stderr, /k3s is not installed on this host/);
  const secret =
    `${k3s.mount}; mkdir -p /etc/rancher 2>/dev/null || :; mount -t tmpfs -o mode=755 tmpfs /etc; ` +
    `mkdir -p /etc/rancher/k3s; echo x > ${usual}; chmod 600 ${usual}`;
  const argv = ['setpriv', '--reuid=65534', '--clear-groups', inPackage('tk'), 'get', 'pods', '-o', 'a b'];
  const user = await runProgram(inOwnMounts(secret, argv));
  assert.equal(user.exitCode, 3, user.stderr);
  assert.match(user.stderr, new RegExp(`may not read ${usual}\ntry: sudo .*tk get pods -o 'a b'`));
});

test('a name decides, however it was typed; any other name is the program itself', async () => {
  const version = await runProgram([inPackage('renamed'), '-v']);
  assert.equal(version.stdout, 'tiny 2026.1\n');
  const help = await runProgram([inPackage('tiny_pgdump'), '--help']);
  assert.match(help.stdout, /^Usage: \S*tiny_pgdump \[options\] \[file\]/);
  const copy = join(work, 'package/copied');
  mkdirSync(copy);
  copyFileSync(file, join(copy, 'tk'));
  assert.equal((await runProgram(withK3s(join(copy, 'tk'), 'get', 'pods'))).exitCode, 0);
  const damaged = join(copy, 'tiny_pgdump');
  copyFileSync(file, join(copy, 'whole'));
  writeFileSync(join(copy, 'whole'), 'x', { flag: 'a' });
  symlinkSync('whole', damaged);
  const refused = await runProgram([damaged, 'install']);
  assert.equal(refused.exitCode, 4, refused.stderr);
  const empty = await runProgram([builtExecutable(), 'activate']);
  assert.equal(empty.exitCode, 4, empty.stderr);
  const noRoot = await runProgram([inPackage('tiny_pgdump'), 'a b.sql'], { uid: 65534 });
  assert.equal(noRoot.exitCode, 3);
  assert.match(noRoot.stderr, /needs root\ntry: sudo .*tiny_pgdump 'a b\.sql'/);
});

test('on PATH the names are typed as they are; a file that is gone is named, and comes back', async () => {
  const activated = await runProgram([file, 'activate'], { env: { PATH: path } });
  assert.equal(activated.exitCode, 0, activated.stderr);
  assert.match(activated.stdout, /tiny, tk, tiny_pgdump: on PATH now, version 2026\.1/);
  assert.doesNotMatch(activated.stdout, /not on your PATH/);
  const typed = (...argv: [string, ...string[]]) => runProgram(argv, { env: { PATH: path } });
  assert.equal((await typed('tiny', '-v')).stdout, 'tiny 2026.1\n');
  assert.match((await typed('tiny', 'nonsense')).stderr, /try: tiny --help/);
  assert.match((await typed('tk')).stderr, /^error: tk needs a namespace/);
  assert.match((await typed('tiny', 'activate', '--json')).stdout, /"changed":false/);
  assert.match(
    spawnSync('man', ['-M', join(prefix, 'share/man'), '-w', 'tiny-install']).stdout.toString(),
    /8$/m,
  );
  renameSync(file, `${file}.away`);
  const gone = await typed('tk', 'get', 'pods');
  assert.equal(gone.exitCode, 4);
  assert.match(gone.stderr, new RegExp(`^error: ${file}, which .tiny activate. put on PATH, is gone`));
  assert.match(gone.stderr, /\ntry: \.\/tiny activate, in the folder of a package/);
  const user = await runProgram(['tiny', '-v'], { env: { PATH: path }, uid: 65534 });
  assert.deepEqual([user.exitCode, user.stdout], [4, '']);
  assert.match(user.stderr, /only root may execute it\ntry: sudo tiny/);
  renameSync(`${file}.away`, file);
  assert.equal((await typed('tiny', '-v')).exitCode, 0);
  const undone = await typed('tiny', 'activate', '--undo');
  assert.equal(undone.exitCode, 0, undone.stderr);
  assert.ok(!existsSync(join(prefix, 'bin/tiny')) && !existsSync(join(prefix, 'share')));
});

test('a bin folder on a disk that is read-only, or where nothing is executed, is refused', async () => {
  for (const [option, says] of [
    ['ro', /mounted read-only\ntry: mount -o remount,rw/],
    ['noexec', /mounted noexec\ntry: mount -o remount,exec/],
  ] as const) {
    const mount = `mount -t tmpfs -o mode=755,${option} tmpfs ${prefix}`;
    const { exitCode, stderr } = await runProgram(inOwnMounts(mount, [file, 'activate']));
    assert.equal(exitCode, 3, stderr);
    assert.match(stderr, says);
  }
});

test('a file on a medium, or where nothing is executed any more, is not linked to', async () => {
  const medium = join(work, 'medium');
  mkdirSync(medium);
  const rows: [string, RegExp][] = [
    [`mount -t tmpfs -o mode=755 tmpfs ${medium}; cp ${file} ${medium}`, /of the kind tmpfs/],
    [`cp ${file} ${medium}; mount --bind ${medium} ${medium}; mount -o remount,bind,nosuid ${medium}`, /^$/],
    [
      `mount --bind ${medium} ${medium}; mount -t tmpfs -o mode=755 tmpfs /media; mkdir /media/usb; ` +
        `cp ${file} ${medium}; mount --bind ${medium} /media/usb`,
      /^error: .*\/media\/usb, where media are mounted/,
    ],
  ];
  for (const [mount, says] of rows) {
    const argv = [join(mount.endsWith('/media/usb') ? '/media/usb' : medium, 'tiny'), 'activate'];
    const { exitCode, stderr } = await runProgram(inOwnMounts(mount, argv));
    assert.match(stderr, says);
    assert.equal(exitCode, says.source === '^$' ? 0 : 2, stderr);
  }
  assert.equal((await runProgram([file, 'activate', '--undo'])).exitCode, 0);
});

test('where blocks can be shared, a copy takes no room; where only the name says so, it is asked for', async () => {
  const disk = join(work, 'disk');
  for (const [reflink, exit, says] of [
    [
      1,
      0,
      /lead to .*local\/lib\/tiny-activated\/tiny-2026\.1-[0-9a-f]{12} \(a copy that shares its blocks\)/,
    ],
    [0, 2, /^error: The names cannot lead to this file .*activate --copy$/s],
  ] as const) {
    rmSync(disk, { force: true });
    execFileSync('truncate', ['-s', '600M', disk]);
    execFileSync('mkfs.xfs', ['-q', '-m', `reflink=${reflink}`, disk]);
    const mount =
      `exec 9>&1 1>&2; mkdir -p /mnt; mount -o loop ${disk} /mnt; ` +
      `cp -a ${work}/package ${work}/product /mnt/; ` +
      `mkdir -p /mnt/local/bin; chmod 777 /mnt/package; umount ${work} 2>/dev/null || :; ` +
      `mount --bind /mnt ${work}; umount /mnt; used() { sync; df --output=used -m ${work} | tail -1; }; ` +
      `before=$(used); ${file} activate >&9 || exit $?; [ $(($(used) - before)) -lt 20 ] || exit 99; ` +
      `cmp ${file} ${prefix}/lib/tiny-activated/active >&2 || exit 98; exit`;
    const { exitCode, stdout, stderr } = await runProgram(inOwnMounts(mount, ['true']));
    assert.equal(exitCode, exit, stderr);
    assert.match((stdout + stderr).trim(), says);
  }
});
