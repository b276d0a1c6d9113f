import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { SigningKeys } from '../../../build/signing.ts';
import { fingerprintOfKey } from '../../../build/signing.ts';
import type { State } from '../../../src/engine/state.ts';
import { stateVersion } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { makeKeys } from '../../fixtures/signing-keys.ts';

/**
 * The real flows over a simulated host: which key an upgrade lets in, what it records, and that a refusal
 * changes nothing.
 */

const vendor = makeKeys();
const other = makeKeys();
const next = makeKeys([vendor]);
const unrelated = makeKeys([other]);
const print = ({ key }: SigningKeys) => fingerprintOfKey(key);

let host: SimulatedHost;
let signed: World;
let unsigned: World;

before(async () => {
  host = await SimulatedHost.start({ vendor, other, next, unrelated });
  const empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  unsigned = host.copy();
  host.become(empty);
  host.use('install', 'vendor');
  assert.equal((await host.run('install')).exitCode, 0);
  signed = host.copy();
});
after(() => host.close());
beforeEach(() => host.become(signed));

const state = (): State => host.state()!;
const warnings = ({ shown }: Invocation) =>
  shown.flatMap((event) => (event.type === 'message' && event.level === 'warning' ? [event.line] : []));

/** Every file of the product but the lock that is left with its text. */
const files = () =>
  readdirSync(host.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'lock')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${path} ${readFileSync(path, 'latin1')}`);

async function assertRefused(options: object, message: RegExp, hint: RegExp): Promise<void> {
  for (const how of [{}, { dryRun: true }, { preflightOnly: true }, { supersede: true }]) {
    const was = { files: files(), cluster: JSON.stringify(host.cluster.state) };
    const { exitCode, error } = await host.run('upgrade', undefined, { ...options, ...how });
    assert.ok(error instanceof IvaapError);
    assert.deepEqual([exitCode, error.code], [4, 'payload']);
    assert.match(error.message, message);
    assert.match(error.hint!, hint);
    assert.deepEqual({ files: files(), cluster: JSON.stringify(host.cluster.state) }, was);
  }
}

test('an install records the key of its file, and an upgrade by the same key says nothing', async () => {
  assert.equal(state().installed?.key, print(vendor));
  host.use('upgrade', 'vendor');
  const run = await host.run('upgrade');
  assert.equal(run.exitCode, 0);
  assert.deepEqual(warnings(run), []);
  assert.deepEqual([state().installed?.key, state().trusted], [print(vendor), undefined]);
});

test('a file of another key is refused with both fingerprints and the command that lets it in', async () => {
  host.use('upgrade', 'other');
  const both = new RegExp(
    `signed by ${print(other)}, and the installed release 2026.1 is signed by ${print(vendor)}$`,
  );
  await assertRefused(
    {},
    both,
    new RegExp(`\\./tiny install --upgrade[-a-z ]* --trust-key ${print(other)}$`),
  );
  await assertRefused({ trustKey: print(vendor) }, /is not what --trust-key names/, /another channel/);
});

test('an unsigned file is refused after a signed one, unless that is spelled out', async () => {
  host.use('upgrade', 'none');
  await assertRefused({}, /it is unsigned, and the installed release/, /--trust-key unsigned$/);
  assert.equal((await host.run('upgrade', undefined, { trustKey: 'unsigned' })).exitCode, 0);
  assert.equal(state().installed?.key, null);
});

test('a named key is accepted, recorded with who and when, and is in the log of the run', async () => {
  host.use('upgrade', 'other');
  const run = await host.run('upgrade', undefined, { trustKey: print(other) });
  assert.equal(run.exitCode, 0);
  assert.match(warnings(run).join(), new RegExp(`signed by ${print(other)}, which --trust-key names`));
  assert.equal(state().installed?.key, print(other));
  const [record, ...more] = state().trusted!;
  assert.equal(more.length, 0);
  const { by, at, ...rest } = record!;
  assert.deepEqual(rest, { run: state().run?.id, from: print(vendor), to: print(other), how: 'named' });
  assert.ok(by !== undefined && by !== '' && Date.parse(at) > 0);
  const log = readFileSync(join(host.folder, '.installer/logs', `${state().run!.id}.jsonl`), 'utf8');
  assert.match(log, new RegExp(`"type":"message".*${print(other)}, which --trust-key names`));
});

test('a hand-over by the installed key lets the next one in', async () => {
  host.use('upgrade', 'next');
  const run = await host.run('upgrade');
  assert.equal(run.exitCode, 0);
  assert.match(warnings(run).join(), new RegExp(`to which the key of .* \\(${print(vendor)}\\) hands over`));
  assert.equal(state().installed?.key, print(next));
  assert.equal(state().trusted?.[0]?.how, 'handed over');
});

test('a hand-over by another key than the installed one lets nothing in', async () => {
  host.use('upgrade', 'unrelated');
  await assertRefused({}, /is not trusted/, /--trust-key/);
});

test('a run that was cut off after its key was accepted resumes without naming it again', async () => {
  host.use('upgrade', 'other');
  let seen = 0;
  const cut = () => ((seen += 1) === 400 ? ('SIGTERM' as const) : undefined);
  const stopped = await host.run('upgrade', cut, { trustKey: print(other) });
  assert.equal(stopped.exitCode, 143);
  assert.deepEqual([state().installed?.key, state().run?.key], [print(vendor), print(other)]);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.equal(state().installed?.key, print(other));
  assert.equal(state().trusted?.length, 1);
});

test('a signed file after an unsigned one is accepted, and its key is kept from then on', async () => {
  host.become(unsigned);
  assert.equal(state().installed?.key, null);
  host.use('upgrade', 'vendor');
  const run = await host.run('upgrade');
  assert.equal(run.exitCode, 0);
  assert.match(warnings(run).join(), /is unsigned, so nothing could be compared/);
  assert.equal(state().installed?.key, print(vendor));
});

test('a state that was written before keys were recorded takes the first file as it is, and says so', async () => {
  const path = join(host.folder, '.installer/state.json');
  const { installed, ...rest } = state();
  const { key: _, ...older } = installed!;
  writeFileSync(path, JSON.stringify({ ...rest, schema: { major: 1, minor: 1 }, installed: older }));
  host.use('upgrade', 'other');
  const run = await host.run('upgrade');
  assert.equal(run.exitCode, 0);
  assert.match(warnings(run).join(), /it is not known who signed the installed release 2026\.1/);
  assert.equal(state().installed?.key, print(other));
  assert.deepEqual([state().schema.minor, state().trusted?.[0]?.how], [stateVersion.minor, 'first']);
});

test('an install resumes with the file that started it, not with the same contents under another key', async () => {
  host.become(unsigned);
  const path = join(host.folder, '.installer/state.json');
  const { installed: _, run, ...rest } = state();
  const begun = { ...run, status: 'failed', key: print(other), payloadDigest: 'x' };
  host.use('install', 'vendor');
  const { error: another } = await tryInstall({ ...rest, run: begun });
  assert.match(String(another), /not trusted: .* the install that was started on this host is signed by/);
  host.become(signed);
  const { installed: __, run: own, ...others } = state();
  const { error, exitCode } = await tryInstall({
    ...others,
    run: { ...own, status: 'failed', key: print(other) },
  });
  assert.equal(exitCode, 4);
  assert.match(
    String(error),
    new RegExp(`signed by ${print(vendor)}, and the install that was started .* ${print(other)}`),
  );

  function tryInstall(changed: object) {
    writeFileSync(path, JSON.stringify(changed));
    return host.run('install');
  }
});
