import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { licenseCheck } from '../../../src/commands/license-check.ts';
import { typedAgain } from '../../../src/commands/again.ts';
import { describeError, type IvaapError } from '../../../src/errors.ts';
import { hostIdentity } from '../../../src/host/host-identity.ts';
import { queryLicenseCheck } from '../../../src/queries/license-check.ts';
import { licenseSchema } from '../../../src/queries/license-schema.ts';
import { thisMachine } from '../../../src/session/machine.ts';
import { licenseLines } from '../../../src/ui/license-text.ts';
import { textWidth } from '../../../src/ui/width.ts';
import { lmstatForms, type LmstatForm } from '../../fixtures/lmstat-output.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

/**
 * `license-check` with files, listeners on loopback, and a stand-in for lmutil: a script that plays what
 * test/fixtures/lmstat-output.ts has. No real license manager is asked.
 */

const secret = 'SIGNATURE-0011223344';
const work = mkdtempSync(join(tmpdir(), 'license-check-'));
const played = join(work, 'played');
const payloads = {} as Record<'plain' | 'withLmutil' | 'optional', TinyPayload>;
let server: Server;
let port = 0;

const entitlements = {
  TINY_CONNECTOR: {
    connector: 'alpha',
    enabledPath: ['alpha', 'enabled'],
    feature: 'WITSML',
    leastVersion: '2026.1',
  },
};

/** Writes down how it was called, and plays the file of the feature's name. */
const standIn = `#!/bin/sh
printf '%s|' "$@" >> ${played}/calls
env | sort >> ${played}/environment
[ -e ${played}/late ] && sleep 60
cat "${played}/$5"
`;

before(async () => {
  const pack = (mode: 'required' | 'optional', lmutil: boolean) =>
    makeTinyPayload({
      version: '2026.2',
      product: {
        folder: join(work, 'product'),
        entitlements,
        license: { secret: 'tiny-license', key: 'license.json', server: mode },
      },
      editFiles: (folder) => writeFileSync(join(folder, 'lmutil'), standIn),
      editSpec: (spec) => {
        const tools = spec['tools'] as Record<string, unknown>;
        if (lmutil) tools['lmutil'] = { path: 'lmutil', version: 'v11.19.6' };
      },
    });
  payloads.plain = await pack('required', false);
  payloads.optional = await pack('optional', false);
  payloads.withLmutil = await pack('required', true);
  server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  port = (server.address() as { port: number }).port;
});
after(() => {
  server.close();
  for (const payload of Object.values(payloads)) payload.remove();
  rmSync(work, { recursive: true });
});
beforeEach(() => {
  rmSync(played, { recursive: true, force: true });
  mkdirSync(played);
});

const feature = (more = 'permanent 5', version = '2026.2') =>
  `FEATURE WITSML acmed ${version} ${more} SIGN="${secret}"\n`;
const serverLine = (host = '127.0.0.1', at: number | string = port) =>
  `SERVER ${host} ANY ${at}\nVENDOR acmed\n`;

function file(content: string | Buffer): string {
  const path = join(work, 'license.lic');
  writeFileSync(path, content);
  return path;
}

/** What the command answers, held against its schema; nothing of it has the signature. */
async function check(path: string, payload: TinyPayload = payloads.plain) {
  const { signal } = new AbortController();
  const { report, refusal } = await queryLicenseCheck(path, {
    program: './tiny',
    again: typedAgain('./tiny', ['license-check', '--license', path], licenseCheck.options),
    signal,
    machine: { ...thisMachine, executable: payload.path },
  });
  const json = JSON.stringify(report);
  assert.equal(licenseSchema.safeParse(JSON.parse(json)).error, undefined);
  const shown = [json, JSON.stringify(describeError(refusal)), licenseLines(report, Infinity).join('\n')];
  assert.ok(!shown.join('\n').includes(secret));
  assert.equal(report.ok, refusal === undefined);
  if (refusal !== undefined) assert.equal(refusal.exitCode, 3);
  return { report, refusal, text: shown[2]! };
}

test('granted and reachable is exit 0, and says what that proves', async () => {
  const { report, text } = await check(file(serverLine() + feature()));
  assert.equal(report.ok, true);
  assert.deepEqual(report.failures, []);
  const [row] = report.entitlements;
  assert.deepEqual(
    [row?.status, row?.expires, row?.count, row?.version, row?.needed],
    ['granted', 'never', 5, '2026.2', true],
  );
  assert.equal(report.server, 'reachable');
  assert.match(text, /It does not prove that it is the license manager/);
  assert.match(text, /its signatures are not checked/);
  assert.match(text, /lmutil was not asked: this file carries no lmutil/);
});

test('a server that is not reached is a failure where the product requires it, else a warning', async () => {
  const path = file(serverLine('127.0.0.1', 1) + feature());
  const required = await check(path);
  assert.match(required.refusal!.message, /licence server: 1@127\.0\.0\.1 the connection is refused/);
  assert.equal(required.refusal!.hint, `timeout 3 bash -c '</dev/tcp/127.0.0.1/1'; echo $?`);
  const optional = await check(path, payloads.optional);
  assert.equal(optional.report.ok, true);
  assert.match(optional.report.warnings.join(), /the connection is refused/);
});

test('the fix for a server can be pasted into a shell', async () => {
  const { refusal } = await check(file(serverLine('127.0.0.1', 1) + feature()));
  assert.equal(execFileSync('bash', ['-c', `${refusal!.hint!} 2>/dev/null`]).toString(), '1\n');
});

test('where only the server was away, the fix is for the server and not a new licence', async () => {
  const { report, refusal } = await check('1@127.0.0.1');
  assert.equal(report.entitlements[0]?.status, 'unknown');
  assert.equal(refusal!.hint, `timeout 3 bash -c '</dev/tcp/127.0.0.1/1'; echo $?`);
});

test('a server that cannot be one is told as that', async () => {
  for (const name of ['99999@localhost', '0@localhost', 'x@localhost', '1@a@b', '1@-', '1@a,2@b'])
    await assert.rejects(check(name), {
      code: 'usage',
      message: `${name} is no licence server, and there is no file of that name`,
      hint: 'name a server as PORT@HOST, with a port from 1 to 65535; a triad as three of them with commas',
    });
});

test('a name that does not resolve, and IPv6', async () => {
  const name = `${'a'.repeat(64)}.example`;
  const { refusal } = await check(file(serverLine(name) + feature()));
  assert.match(refusal!.message, /the name does not resolve/);
  assert.equal(refusal!.hint, `getent ahosts ${name}`);
  const six = await check(file(serverLine('::1', 1) + feature()));
  assert.equal(six.report.servers[0]?.answered, false);
  assert.equal(six.report.servers[0]?.name, '1@::1');
});

test('of a triad two of three are enough', async () => {
  const two = await check(
    file(serverLine() + serverLine('localhost') + serverLine('127.0.0.1', 1) + feature()),
  );
  assert.equal(two.report.server, 'partly');
  assert.equal(two.report.ok, true);
  assert.equal(two.report.warnings.length, 1);
  const one = await check(
    file(serverLine() + serverLine('127.0.0.1', 1) + serverLine('127.0.0.1', 2) + feature()),
  );
  assert.equal(one.report.server, 'unreachable');
  assert.equal(one.report.ok, false);
});

test('where SERVER names no port, the default ones are tried', async (t) => {
  const manager = createServer((socket) => socket.on('error', () => {}));
  const isFree = await new Promise<boolean>((done) => {
    manager.once('error', () => done(false));
    manager.listen(27_003, '127.0.0.1', () => done(true));
  });
  t.after(() => manager.close());
  // Something else may listen there on this machine: the answer is the same.
  const { report } = await check(file('SERVER 127.0.0.1 ANY\nVENDOR acmed\n' + feature()));
  assert.equal(report.server, 'reachable');
  if (isFree)
    assert.deepEqual([report.servers[0]?.name, report.servers[0]?.port], ['27003@127.0.0.1', 27_003]);
});

test('a licence whose licences are counted and that names no server cannot be used', async () => {
  const { report } = await check(file(feature()));
  assert.equal(report.server, 'not named');
  assert.equal(report.ok, false);
  const alone = await check(file(feature('permanent uncounted HOSTID=ANY')));
  assert.equal(alone.report.server, 'none');
  assert.equal(alone.report.ok, true);
});

test('--license PORT@HOST leaves all to the server: without lmutil nothing is known', async () => {
  const { report } = await check(`${port}@127.0.0.1`);
  assert.equal(report.license?.source, 'server');
  assert.equal(report.server, 'reachable');
  assert.equal(report.entitlements[0]?.status, 'unknown');
  assert.equal(report.ok, false);
});

const mac = hostIdentity().macAddresses[0];
const rows: [name: string, content: string | Buffer, status: string, ok: boolean][] = [
  ['CRLF', feature('permanent uncounted').replaceAll('\n', '\r\n'), 'granted', true],
  ['a byte order mark', `\ufeff${feature('permanent uncounted')}`, 'granted', true],
  ['Latin-1', Buffer.from(`# Müller\n${feature('permanent uncounted')}`, 'latin1'), 'granted', true],
  [
    '2 MB',
    feature('permanent uncounted') +
      Array.from(
        { length: 25_000 },
        (_, at) => `FEATURE F${at} acmed 1.0 permanent uncounted SIGN=${secret}${at}\n`,
      ).join(''),
    'granted',
    true,
  ],
  ['expired', feature('30-oct-2020 uncounted'), 'expired', false],
  ['of an old release', feature('permanent uncounted', '2025.4'), 'older version', false],
  ['for another host id', feature('permanent uncounted HOSTID=020000000001'), 'other host', false],
  ['for this host’s name', feature(`permanent uncounted HOSTID=HOSTNAME=${hostname()}`), 'granted', true],
  ['for a display', feature('permanent uncounted HOSTID=DISPLAY=x'), 'unknown', false],
  ['continuation at the end of the file', `${feature('permanent uncounted').trim()} \\`, 'unknown', false],
  ['duplicate features', feature('1-jan-2020 uncounted') + feature('permanent uncounted'), 'granted', true],
  ['nothing for this product', 'FEATURE OTHER acmed 1.0 permanent uncounted\n', 'missing', false],
  ['JSON', '{"product":"tiny","entitlements":["TINY_CONNECTOR"],"expires":"2099-12-31"}', 'granted', true],
  ['JSON that expired', '{"entitlements":["TINY_CONNECTOR"],"expires":"2020-12-31"}', 'expired', false],
  ['JSON without it', '{"entitlements":[]}', 'missing', false],
];
if (mac !== undefined)
  rows.push(['for this host id', feature(`permanent uncounted HOSTID=${mac}`), 'granted', true]);
for (const [name, content, status, ok] of rows) {
  test(`a licence: ${name}`, async () => {
    const { report, refusal } = await check(file(content));
    assert.equal(report.entitlements[0]?.status, status);
    assert.equal(report.ok, ok);
    assert.equal(report.license?.notes.length, /mark|end of the file|duplicate/.test(name) ? 1 : 0);
    if (!ok) assert.match(refusal!.hint!, /then: \.\/tiny license-check --license FILE$/);
  });
}

test('a licence that cannot be used is a usage error that shows nothing of it', async () => {
  const folder = join(work, 'a folder');
  const fifo = join(work, 'fifo');
  const loop = join(work, 'loop');
  mkdirSync(folder);
  execFileSync('mkfifo', [fifo]);
  symlinkSync(loop, loop);
  const large = join(work, 'large');
  writeFileSync(large, Buffer.alloc(9 * 1024 * 1024, 'a'));
  const cases: [path: string, why: RegExp][] = [
    [folder, /cannot be read/],
    [fifo, /cannot be read/],
    [loop, /cannot be read/],
    [large, /cannot be read/],
    [join(work, 'missing'), /cannot be read/],
    [file(''), /is empty/],
  ];
  for (const [path, why] of cases) {
    await assert.rejects(check(path), (error: IvaapError) => {
      assert.match(error.message, why);
      assert.ok(error.hint?.endsWith(path) || error.hint?.endsWith(`'${path}'`), error.hint);
      return error.code === 'usage';
    });
  }
  for (const [content, why] of [
    [`${feature()}\0`, /is not UTF-8 text/],
    [Buffer.from(`\ufeff${feature()}`, 'utf16le'), /is not UTF-8 text/],
    [`{"entitlements": ["${secret}`, /is not JSON/],
    ['{"product":"other","entitlements":[]}', /is for another product/],
    [secret, /has no line of a FlexNet licence/],
  ] as const) {
    await assert.rejects(check(file(content)), (error: IvaapError) => {
      assert.match(error.message, why);
      assert.ok(!JSON.stringify(describeError(error)).includes(secret));
      return error.code === 'usage';
    });
  }
});

test('a file that this user may not read is a usage error', async (t) => {
  const path = file(feature());
  chmodSync(path, 0);
  t.after(() => chmodSync(path, 0o600));
  const read = () => check(path);
  // Root reads it all the same: then the file is a licence without a server.
  if (process.geteuid?.() === 0) return assert.equal((await read()).report.server, 'not named');
  await assert.rejects(read(), { code: 'usage' });
});

const forms: [form: LmstatForm, ok: boolean, status: string][] = [
  ['some are in use', true, 'granted'],
  ['the one there is is in use', true, 'granted'],
  ['uncounted', true, 'granted'],
  ['no such feature', false, 'denied'],
  ['unsupported', false, 'denied'],
  ['none issued', false, 'denied'],
  ['expired', false, 'denied'],
  ['an old version', false, 'denied'],
  ['cannot connect', false, 'granted'],
  ['the daemon is down', false, 'granted'],
  ['a triad with one down', true, 'granted'],
  ['cut before its end', true, 'granted'],
  ['nothing', true, 'granted'],
];
for (const [form, ok, status] of forms) {
  test(`lmutil says: ${form}`, async () => {
    writeFileSync(join(played, 'WITSML'), lmstatForms[form]('WITSML'));
    const { report } = await check(file(serverLine() + feature()), payloads.withLmutil);
    assert.equal(report.ok, ok);
    assert.equal(report.entitlements[0]?.status, status);
    if (!ok && status === 'granted') assert.equal(report.server, 'unreachable');
    // Asked by arguments alone, with an environment of ours, and nothing is left of the program.
    assert.equal(readFileSync(join(played, 'calls'), 'utf8'), `lmstat|-c|${port}@127.0.0.1|-f|WITSML|`);
    assert.doesNotMatch(readFileSync(join(played, 'environment'), 'utf8'), /LICENSE|LM_|SIGNATURE/);
    assert.deepEqual(
      readdirSync(tmpdir()).filter((name) => name.startsWith('license-tool-')),
      [],
    );
  });
}

test('a grant of the server counts where the licence leaves it to the server', async () => {
  writeFileSync(join(played, 'WITSML'), lmstatForms['some are in use']('WITSML'));
  const { report } = await check(`${port}@127.0.0.1`, payloads.withLmutil);
  assert.equal(report.ok, true);
  assert.deepEqual(
    [report.entitlements[0]?.status, report.entitlements[0]?.expires, report.entitlements[0]?.count],
    ['granted', '2030-10-30', 10],
  );
});

test('this_host is this host, and a licence of which none is free is a warning', async () => {
  writeFileSync(join(played, 'WITSML'), lmstatForms['the one there is is in use']('WITSML'));
  const { report } = await check(file(serverLine('this_host') + feature()), payloads.withLmutil);
  assert.equal(readFileSync(join(played, 'calls'), 'utf8'), `lmstat|-c|${port}@localhost|-f|WITSML|`);
  assert.equal(report.entitlements[0]?.free, 0);
  assert.deepEqual(report.warnings, ['TINY_CONNECTOR: granted, does not expire: all of them are in use']);
});

test('of a triad one connection is enough where the license manager says that it works', async () => {
  writeFileSync(join(played, 'WITSML'), lmstatForms['a triad with one down']('WITSML'));
  const triad = serverLine() + serverLine('127.0.0.1', 1) + serverLine('127.0.0.1', 2);
  const { report } = await check(file(triad + feature()), payloads.withLmutil);
  assert.deepEqual([report.server, report.ok], ['partly', true]);
  assert.match(
    readFileSync(join(played, 'calls'), 'utf8'),
    /\|\d+@127\.0\.0\.1,1@127\.0\.0\.1,2@127\.0\.0\.1\|/,
  );
});

test('lmutil is asked only where a port took a connection', async () => {
  const { report } = await check(file(serverLine('127.0.0.1', 1) + feature()), payloads.withLmutil);
  assert.deepEqual(report.lmstat, { known: false, why: 'no port of a server took a connection' });
  assert.equal(existsSync(join(played, 'calls')), false);
});

test('lmutil that does not end is stopped, and unknown is what it said', async () => {
  writeFileSync(join(played, 'late'), '');
  const { report } = await check(file(serverLine() + feature()), payloads.withLmutil);
  assert.equal(report.lmstat.known, false);
  assert.match(report.lmstat.known ? '' : report.lmstat.why, /did not end within 10 s/);
  assert.equal(report.ok, true);
});

test('before a first install exit 3 says that an install is possible, and what it leaves off', async () => {
  const other = feature().replace('WITSML', 'OTHER');
  const { report, refusal, text } = await check(file(serverLine() + other));
  const [row] = report.entitlements;
  assert.deepEqual(report.install, { enables: [], leavesOff: [row!.entitlement] });
  assert.match(text, /An install with it is possible: it enables no connector\. Not granted, so left off: /);
  assert.doesNotMatch(text, /NOT enough/);
  assert.match(refusal!.message, new RegExp(`An install with it is possible, without ${row!.entitlement}$`));
  const silent = await check(file(serverLine('127.0.0.1', 1) + other));
  assert.equal(silent.report.install, null);
  assert.match(silent.text, /NOT enough/);
});

test('the table fits every screen from 40 to 200 columns', async () => {
  const { report } = await check(file(serverLine('::1', 1) + feature('30-dec-2030 5 HOSTID=DISPLAY=x')));
  for (let width = 40; width <= 200; width += 1) {
    const lines = licenseLines(report, width);
    assert.ok(
      lines.every((line) => textWidth(line) <= width),
      `${width}\n${lines.join('\n')}`,
    );
    const words = lines.join('').replaceAll(/\s+/g, '');
    assert.ok(words.includes('ENTITLEMENT') && words.includes('NOTenough'));
  }
});

test('without a licence named, the installed one is needed', async () => {
  const { signal } = new AbortController();
  const machine = { ...thisMachine, executable: payloads.plain.path };
  const asked = queryLicenseCheck(undefined, {
    program: './tiny',
    again: typedAgain('./tiny', ['license-check'], licenseCheck.options),
    signal,
    machine,
  });
  await assert.rejects(asked, (error: IvaapError) => error.code === 'preflight' && error.hint !== undefined);
});

test('each message of the page about the licence is one that the program has', () => {
  const root = join(import.meta.dirname, '../../..');
  const page = readFileSync(join(root, 'docs/license.md'), 'utf8');
  const table = page.slice(page.indexOf('## By message'), page.indexOf('## Replace'));
  const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
  assert.ok(messages.length >= 10);
  const sources = globSync('src/**/*.ts', { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  // What differs from case to case is written in capitals.
  for (const message of messages)
    for (const part of message.split(/NAME:?|FILE|DAY|line N:|\bN\b|3 s|\.\.\.|: (?=the|line)/))
      assert.ok(sources.includes(part.trim().replace(/:$/, '')), `${message}: ${part}`);
});
