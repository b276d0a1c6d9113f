import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { folderState } from '../fixtures/folder-state.ts';
import { fakeK3s, inOwnMounts } from '../fixtures/own-mounts.ts';
import { type ProgramOptions, runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload, tinyProduct } from '../fixtures/tiny-payload.ts';

/**
 * Whatever surrounds the built executable, it does the same, or refuses with a reason and leaves nothing
 * behind.
 */

// Every folder on the way must be root's alone: not below /tmp.
const work = mkdtempSync('/var/lib/surroundings-');
const product = join(work, 'product');
const payload = await makeTinyPayload({ executable: builtExecutable(), product: { folder: product } });
chmodSync(payload.folder, 0o755);
after(() => {
  payload.remove();
  rmSync(work, { recursive: true });
});

let folders = 0;
function folder(): string {
  const path = join(work, String((folders += 1)));
  mkdirSync(path);
  return path;
}

const archive = payload.index.archives[0]!;
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const tiny = (args: readonly string[], options: ProgramOptions = {}) =>
  runProgram([payload.path, ...args], { cwd: work, ...options });
/** The same through a shell, which changes what surrounds it first. */
const shell = (script: string, options: ProgramOptions = {}) =>
  runProgram(['bash', '-c', script, payload.path], { cwd: work, ...options });

/**
 * Where only this environment and working folder are odd: an archive is written and is what the index says.
 */
const environments: [name: string, env: Record<string, string>][] = [
  ['a Turkish locale', { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', LANGUAGE: 'tr' }],
  [
    'proxies',
    {
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      ALL_PROXY: 'x',
      NODE_USE_ENV_PROXY: '1',
    },
  ],
  [
    'the cluster of somebody else',
    { KUBECONFIG: '/no/such', KUBERNETES_MASTER: 'http://127.0.0.1:9', HELM_NAMESPACE: 'x' },
  ],
  ['an empty PATH', { PATH: '' }],
  ['a HOME that is nowhere', { HOME: '/no/such', XDG_CONFIG_HOME: '/no/such', TMPDIR: '/no/such' }],
  ['NODE_OPTIONS', { NODE_OPTIONS: '--require /no/such.cjs --inspect-brk', NODE_PATH: '/no/such' }],
  [
    'certificates for Node',
    { NODE_EXTRA_CA_CERTS: '/no/such', SSL_CERT_FILE: '/no/such', NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  ],
  ['an OpenSSL of its own', { OPENSSL_CONF: '/no/such', OPENSSL_MODULES: '/no/such' }],
  [
    'debugging of Node',
    { NODE_DEBUG: 'fs,net,child_process', NODE_DEBUG_NATIVE: 'x', NODE_PENDING_DEPRECATION: '1' },
  ],
  ['libraries of its own', { LD_LIBRARY_PATH: '/no/such', LD_DEBUG_OUTPUT: '/no/such' }],
  [
    'tables of the C library',
    { GCONV_PATH: '/no/such', LOCPATH: '/no/such', TZDIR: '/no/such', HOSTALIASES: '/no/such' },
  ],
  [
    'allocation of memory',
    { MALLOC_PERTURB_: '5', MALLOC_ARENA_MAX: '1', GLIBC_TUNABLES: 'glibc.malloc.check=3' },
  ],
  ['data of ICU', { NODE_ICU_DATA: '/no/such', ICU_DATA: '/no/such', ICU_TIMEZONE_FILES_DIR: '/no/such' }],
  ['threads of libuv', { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '1' }],
  ['keys of TLS', { SSLKEYLOGFILE: join(work, 'keys'), SSL_CERT_DIR: '/no/such' }],
  ['a parent that is Node', { NODE_CHANNEL_FD: '9', NODE_UNIQUE_ID: '3', NODE_TEST_CONTEXT: 'child' }],
  [
    'tools of Node that write',
    { NODE_REDIRECT_WARNINGS: join(work, 'warnings'), NODE_REPL_HISTORY: join(work, 'history') },
  ],
];
for (const [name, env] of environments) {
  test(`${name} in the environment changes nothing and is not mentioned`, async () => {
    const at = folder();
    const written = await tiny(['extract-file', archive.name, join(at, 'a')], { env });
    assert.deepEqual([written.exitCode, written.stderr], [0, '']);
    assert.equal(sha256(join(at, 'a')), archive.sha256);
    const plain = await tiny(['manifest', '--json']);
    const listed = await tiny(['manifest', '--json'], { env });
    assert.deepEqual(listed, plain);
    assert.deepEqual(
      readdirSync(work).filter((file) => !/^\d+$|^product$/.test(file)),
      [],
    );
  });
}

test('what is in a compile cache of Node is not run, and its coverage is no output of ours', async () => {
  const at = folder();
  const cache = join(at, 'cache');
  const env = { NODE_V8_COVERAGE: join(at, 'coverage'), NODE_COMPILE_CACHE: cache };
  // Node itself writes both before our first line; from there on it re-executes itself without them.
  for (let run = 0; run < 2; run += 1) {
    const { exitCode, stdout, stderr } = await tiny(['-v'], { env });
    assert.deepEqual([exitCode, stdout, stderr], [0, 'tiny 2026.1\n', '']);
    for (const file of readdirSync(cache, { recursive: true, withFileTypes: true }))
      if (file.isFile()) writeFileSync(join(file.parentPath, file.name), 'planted');
  }
  assert.deepEqual(readdirSync(at).sort(), ['cache', 'coverage']);
});

test('no configuration of OpenSSL is opened: neither the one of the environment nor the one of the host', async () => {
  const pipe = join(folder(), 'openssl.cnf');
  // Whoever opens it to read waits forever.
  const mount = `mkfifo ${pipe}; mount -t tmpfs tmpfs /etc/ssl; mkfifo /etc/ssl/openssl.cnf`;
  const { exitCode, stdout, stderr } = await runProgram(
    inOwnMounts(mount, ['timeout', '10', payload.path, 'verify', payload.path]),
    { env: { OPENSSL_CONF: pipe, OPENSSL_CONF_INCLUDE: work, OPENSSL_ENGINES: work } },
  );
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /intact/);
});

for (const name of ['--inspect-brk=0', '-v', '--version', '-e', '--', '-ivaap']) {
  test(`a name that reads ${name} is a name and no option of Node`, async () => {
    const { exitCode, stdout, stderr } = await shell('exec -a "$ODD" "$0" manifst', { env: { ODD: name } });
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, /unknown command 'manifst'/);
    assert.equal(stderr.slice(stderr.indexOf('try: ')), `try: ${payload.path} --help\n`);
  });
}

test('a current folder full of settings for Node is not read', async () => {
  const at = folder();
  for (const name of ['.env', 'node.config.json', 'package.json', '.noderc', 'openssl.cnf'])
    execFileSync('mkfifo', [join(at, name)]);
  const { exitCode, stdout } = await runProgram(['timeout', '10', payload.path, '-v'], {
    cwd: at,
    env: { HOME: at },
  });
  assert.deepEqual([exitCode, stdout], [0, 'tiny 2026.1\n']);
});

test('without /proc it says what is missing, also where its environment would have made it re-execute', async () => {
  const argv = inOwnMounts('mount -t tmpfs tmpfs /proc', [payload.path, 'manifest']);
  const environments: Record<string, string>[] = [{}, { NODE_OPTIONS: '--inspect' }];
  for (const env of environments) {
    const { exitCode, signal, stderr } = await runProgram(argv, { env });
    assert.deepEqual([exitCode, signal], [4, null], stderr);
    assert.match(stderr, /\/proc/);
  }
});

test('an environment with nothing in it is enough', async () => {
  const { exitCode, stdout, stderr } = await runProgram(['env', '-i', payload.path, 'verify'], { cwd: work });
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /intact/);
});

test('a library that is preloaded into us is not preloaded into what we start, nor anything else of the environment', async () => {
  const seen = join(folder(), 'seen');
  const k3s = fakeK3s({
    kubectl: `env >> ${seen}; echo "$@" >> ${seen}; exit 1`,
    ctr: 'exit 1',
    crictl: `env >> ${seen}; exit 1`,
  });
  const env = {
    LD_LIBRARY_PATH: '/no/such',
    LD_PRELOAD: '',
    KUBECONFIG: '/somebody/elses',
    HTTP_PROXY: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
    NODE_OPTIONS: '--inspect',
    HELM_DRIVER: 'memory',
    PGPASSWORD: 'hunter22',
    BASH_ENV: '/no/such',
    LANG: 'tr_TR.UTF-8',
  };
  const argv = inOwnMounts(k3s.mount, [payload.path, 'manifest', '--json']);
  const { exitCode } = await runProgram(argv, { env });
  k3s.remove();
  assert.equal(exitCode, 0);
  const text = readFileSync(seen, 'utf8');
  const names = new Set([...text.matchAll(/^(\w+)=/gm)].map(([, name]) => name));
  for (const own of ['PWD', 'SHLVL', '_', 'OLDPWD']) names.delete(own);
  assert.deepEqual([...names].sort(), ['HOME', 'LANG', 'LC_ALL', 'NO_PROXY', 'PATH', 'TZ', 'no_proxy']);
  assert.match(text, /^LC_ALL=C.UTF-8$/m);
  assert.match(text, /--kubeconfig \/etc\/rancher\/k3s\/k3s.yaml/);
});

test('a health probe queries this host itself, with any proxy in the environment', async () => {
  const requests: string[] = [];
  const serve = async (name: string, status: number) => {
    const server = createServer((request, response) => {
      requests.push(`${name} ${request.headers.host}`);
      response.writeHead(status, { connection: 'close' }).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return { server, port: (server.address() as AddressInfo).port };
  };
  const ingress = await serve('ingress', 200);
  const proxy = await serve('proxy', 502);
  const at = folder();
  const route = { ...tinyProduct.health[0], port: ingress.port, timeoutSeconds: 5 };
  const probing = await makeTinyPayload({
    executable: builtExecutable(),
    product: { folder: at, health: [route] },
  });
  writeFileSync(join(at, 'tiny.values.yaml'), 'host: tiny.example\n');
  const address = `http://127.0.0.1:${proxy.port}`;
  const env = { HTTP_PROXY: address, http_proxy: address, ALL_PROXY: address, NODE_USE_ENV_PROXY: '1' };
  const { stdout } = await runProgram([probing.path, 'status', '--json'], { env });
  probing.remove();
  for (const { server } of [ingress, proxy]) server.close();
  const { health } = JSON.parse(stdout) as { health: { known: boolean; value: { healthy: boolean }[] } };
  assert.deepEqual(
    health.value.map(({ healthy }) => healthy),
    [true],
  );
  assert.deepEqual(requests, [`ingress tiny.example:${ingress.port}`]);
});

for (const umask of ['000', '022', '077', '777']) {
  test(`umask ${umask}: files and folders have the modes that the payload and the code say`, async () => {
    const at = folder();
    const dir = join(at, 'stage');
    const { exitCode, stderr } = await shell(
      `umask ${umask}; "$0" extract ${dir} && "$0" extract-file ${archive.name} ${at}/a`,
    );
    assert.deepEqual([exitCode, stderr], [0, '']);
    const modes = [
      'a',
      'stage',
      'stage/TinyChart',
      'stage/TinyChart/Chart.yaml',
      `stage/${archive.name}`,
    ].map((name) => (statSync(join(at, name)).mode & 0o7777).toString(8));
    assert.deepEqual(modes, ['644', '755', '755', '644', '644']);
  });
}

const hints: [name: string, argv0: string, hint: (typed: string) => string][] = [
  ['nothing', '', () => payload.path],
  ['a sequence that steers terminals', '\u001b]0;evil\u0007x', () => payload.path],
  ['two lines', 'a\nb', () => payload.path],
  ['words', './my tiny', (typed) => `'${typed}'`],
  ['a command inside', './x;reboot', (typed) => `'${typed}'`],
];
for (const [name, argv0, hint] of hints) {
  test(`started as ${name}, its hints can still be typed`, async () => {
    const { exitCode, stderr } = await shell('exec -a "$ODD" "$0" manifst', { env: { ODD: argv0 } });
    assert.equal(exitCode, 2);
    assert.equal(stderr.slice(stderr.indexOf('try: ')), `try: ${hint(argv0)} --help\n`);
  });
}

test('a current folder that is gone: what needs none works, a relative path is refused with a hint', async () => {
  const at = folder();
  const gone = `mkdir ${at}/gone; cd ${at}/gone; rmdir ${at}/gone;`;
  const works = await shell(
    `${gone} "$0" -v && "$0" manifest --summary && "$0" extract-file ${archive.name} ${at}/a`,
  );
  assert.deepEqual([works.exitCode, works.stderr], [0, '']);
  for (const command of [`extract-file ${archive.name} x`, 'extract x']) {
    const { exitCode, stderr } = await shell(`${gone} "$0" ${command}`);
    assert.equal(exitCode, 2);
    assert.match(stderr, /x is relative to the current folder, which no longer exists\n[^]*^try: /m);
  }
});

test('256 descriptors are enough', async () => {
  const at = folder();
  const script = `ulimit -n 256; "$0" verify && "$0" extract ${at}/stage && "$0" manifest --deep`;
  const { exitCode, stderr } = await shell(script);
  assert.deepEqual([exitCode, stderr], [0, '']);
});

test('with too few descriptors no file is called damaged, and the limit is what is to be fixed', async () => {
  const at = folder();
  let refused = 0;
  // Below that Node itself ends before the first line of a program.
  for (const most of [22, 24, 26, 30])
    for (const command of ['-v', 'verify', `extract-file ${archive.name} ${at}/a --force`]) {
      const { exitCode, stdout, stderr } = await shell(`ulimit -n ${most}; "$0" ${command}`);
      const said = `${most} ${command}: ${exitCode} ${stdout} ${stderr}`;
      if (exitCode === 0) continue;
      refused += 1;
      assert.equal(exitCode, 6, said);
      assert.match(
        stderr,
        /the limit of open files is too low for this program\n[^]*\ntry: ulimit -n 1024, then run/,
        said,
      );
      assert.doesNotMatch(said, /damaged|defect/);
    }
  assert.ok(refused > 0);
});

test('a limit on the size of files: a clear error, the old file as it was, nothing left', async () => {
  const at = folder();
  writeFileSync(join(at, 'old'), 'before');
  const before = folderState(at);
  for (const command of [`extract-file ${archive.name} ${at}/old --force`, `extract ${at}/stage`]) {
    const { exitCode, signal, stderr } = await shell(`ulimit -f 64; "$0" ${command}`);
    assert.deepEqual([exitCode, signal], [6, null]);
    assert.match(stderr, /would exceed the file size limit of this process\n[^]*try: ulimit -f unlimited/);
    assert.doesNotMatch(stderr, /\/proc\/self/);
    assert.deepEqual(folderState(at), before);
  }
});

for (const query of ['-v', 'manifest', 'manifest --json', 'status', 'verify --json']) {
  test(`${query}: an answer that cannot be written is a failure, one that nobody reads to its end is none`, async () => {
    const full = await shell(`"$0" ${query} >/dev/full`);
    assert.equal(full.exitCode, 6);
    assert.match(full.stderr, /the result could not be written to standard output\n {2}caused by: ENOSPC/);
    const gone = await shell(`"$0" ${query} | true; exit \${PIPESTATUS[0]}`);
    assert.deepEqual([gone.exitCode, gone.stderr], [0, '']);
    // A verdict is in the exit code too; what is nothing but an answer has failed when nobody can have it.
    const closed = await shell(`"$0" ${query} >&-`);
    const isVerdict = query.startsWith('-v') || query.startsWith('verify');
    assert.equal(closed.exitCode, isVerdict ? 0 : 6);
    if (!isVerdict)
      assert.match(
        closed.stderr,
        /the result could not be written to standard output\n {2}caused by: it is closed/,
      );
    assert.equal((await shell(`"$0" ${query} >/dev/null`)).exitCode, 0);
  });
}

test('work that is done is no failure when only its report cannot be written', async () => {
  const at = folder();
  const { exitCode } = await shell(`"$0" extract-file ${archive.name} ${at}/a >/dev/full`);
  assert.equal(exitCode, 0);
  assert.equal(sha256(join(at, 'a')), archive.sha256);
});

/** Makes the product's folder as an installation leaves it, spoilt in one way. */
const spoilt: [what: string, spoil: () => void][] = [
  ["the product's folder is another user's", () => chownSync(product, 1234, 1234)],
  ["the installer's folder is another user's", () => chownSync(join(product, '.installer'), 1234, 1234)],
  ["the product's folder can be changed by others", () => chmodSync(product, 0o777)],
  [
    "the installer's folder is a link into another user's",
    () => {
      const theirs = join(folder(), 'theirs');
      mkdirSync(theirs);
      writeFileSync(join(theirs, 'state.json'), '{}');
      chownSync(theirs, 1234, 1234);
      rmSync(join(product, '.installer'), { recursive: true });
      symlinkSync(theirs, join(product, '.installer'));
    },
  ],
  ["its parent is another user's", () => chownSync(work, 1234, 1234)],
];
for (const [what, spoil] of spoilt) {
  test(`${what}: install and upgrade refuse and write nothing, not even a lock`, async () => {
    rmSync(product, { recursive: true, force: true });
    mkdirSync(join(product, '.installer'), { recursive: true, mode: 0o700 });
    writeFileSync(join(product, '.installer/state.json'), '{}');
    try {
      spoil();
      const before = folderState(work);
      for (const args of [
        ['install', '--upgrade'],
        ['install', '--yes', '--fqdn', 'a.example'],
      ]) {
        const { exitCode, stderr } = await tiny(args);
        assert.equal(exitCode, 3, stderr);
        assert.match(stderr, /belongs to user 1234, not to root|can be changed by other users than root/);
        assert.match(stderr, /^try: ch(own -h root|mod go-w) /m);
        assert.deepEqual(folderState(work), before);
      }
    } finally {
      chownSync(work, 0, 0);
      rmSync(product, { recursive: true, force: true });
    }
  });
}

test('a link put in the place of DEST while it is written is replaced, and what it leads to is untouched', async () => {
  const at = folder();
  const victim = join(work, 'victim');
  writeFileSync(victim, 'victim');
  const dest = join(at, 'a');
  const run = tiny(['extract-file', archive.name, dest]);
  let swaps = 0;
  const swap = setInterval(() => {
    rmSync(dest, { force: true });
    symlinkSync(victim, dest);
    swaps += 1;
  }, 5);
  const { exitCode, stderr } = await run;
  clearInterval(swap);
  assert.ok(swaps > 0);
  // Seen before it started, a link is refused; put there later it is replaced.
  assert.ok(exitCode === 0 || (exitCode === 2 && /is a link/.test(stderr)), stderr);
  assert.equal(readFileSync(victim, 'utf8'), 'victim');
  assert.equal(lstatSync(victim).uid, 0);
  rmSync(victim);
});

test('what a dead extraction left is cleared away only where it is our own', async () => {
  const at = folder();
  const precious = join(at, 'precious');
  mkdirSync(precious);
  writeFileSync(join(precious, 'file'), 'precious');
  const leftover = (name: string) => join(at, `.stage.${name}.extracting`);
  symlinkSync(precious, leftover('4999999-00000001'));
  mkdirSync(leftover('4999999-00000002'));
  writeFileSync(join(leftover('4999999-00000002'), 'theirs'), '');
  chownSync(leftover('4999999-00000002'), 1234, 1234);
  mkdirSync(leftover('4999999-00000003'));
  writeFileSync(join(leftover('4999999-00000003'), 'ours'), '');
  assert.equal((await tiny(['extract', join(at, 'stage')])).exitCode, 0);
  assert.deepEqual(readdirSync(precious), ['file']);
  assert.ok(existsSync(join(leftover('4999999-00000002'), 'theirs')));
  assert.ok(!existsSync(leftover('4999999-00000003')));
});

const withoutRoot: [args: string, why: string][] = [
  ['install --upgrade --dry-run', 'reads what only root may read'],
  ['install --upgrade --preflight-only --json', 'reads what only root may read'],
  ['install --upgrade --skip-backup', 'changes the host'],
  ['install --dry-run --fqdn a.example', 'reads what only root may read'],
  ['status --watch', 'reads the log of a run'],
];
for (const [args, why] of withoutRoot) {
  test(`${args} without root: the hint repeats it completely, and claims no more than is true`, async () => {
    const { exitCode, stdout, stderr } = await tiny(args.split(' '), { uid: 1234 });
    assert.equal(exitCode, 3);
    const said = args.includes('--json')
      ? (JSON.parse(stdout.trim().split('\n').at(-1)!) as { error: { message: string; hint: string } }).error
      : { message: stderr, hint: stderr.slice(stderr.indexOf('try: ') + 5).trimEnd() };
    assert.match(said.message, new RegExp(`this command ${why} and needs root`));
    assert.equal(said.hint, `sudo ${payload.path} ${args}`);
  });
}
