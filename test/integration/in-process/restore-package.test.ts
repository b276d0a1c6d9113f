import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, type IvaapError } from '../../../src/errors.ts';
import { eventName } from '../../fixtures/in-process-host/events.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { packRelease } from '../../fixtures/in-process-host/product.ts';
import { makeKeys } from '../../fixtures/signing-keys.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';

/** `restore --package FILE`: images that the host lacks come from the package of the release. */

const gone = 'registry.example/tiny/server:2026.1';
const vendor = makeKeys();
const rows = ['Troll A-1'];

let host: SimulatedHost;
/** Upgraded, without an image of the release from before. */
let lacking: World;
/** The same of a signed release. */
let signed: World;
/** Of 2026.1: the file that installed it, a signed one, and others. */
const files: Record<'own' | 'next' | 'signed' | 'thief', string> = {
  own: '',
  next: '',
  signed: '',
  thief: '',
};
const packed: TinyPayload[] = [];

async function upgraded(): Promise<World> {
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...rows);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const { digest } = host.cluster.state.images[gone]!;
  for (const [name, one] of Object.entries(host.cluster.state.images))
    if (one.digest === digest) delete host.cluster.state.images[name];
  host.cluster.state.database.rows.push('Gullfaks A-1');
  return host.copy();
}

before(async () => {
  // Before the files of this process are those of the host.
  const places = { folder: '/opt/tiny', storage: '/var/lib/tiny', prefix: '/usr/local', port: 1 };
  for (const change of [{ title: 'Tiny again' }, { name: 'other', command: 'other' }])
    packed.push(await packRelease('2026.1', places, 'none', change));
  host = await SimulatedHost.start({ vendor, thief: makeKeys() });
  const bare = host.copy();
  const fileOf = (flow: 'install' | 'upgrade') => host.machine(flow).executable;
  files.own = fileOf('install');
  files.next = fileOf('upgrade');
  lacking = await upgraded();
  host.become(bare);
  host.use('install', 'thief');
  files.thief = fileOf('install');
  host.use('install', 'vendor');
  host.use('upgrade', 'vendor');
  files.signed = fileOf('install');
  signed = await upgraded();
});
beforeEach(() => host.become(lacking));
after(() => {
  for (const one of packed) one.remove();
  host.close();
});

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.hint ?? '';
const state = (): State => host.state() as State;
const images = () => host.cluster.state.images;

type Options = NonNullable<Parameters<SimulatedHost['run']>[2]>;

async function ends(code: number, options: Options = {}, watch?: Watcher) {
  const ended = await host.run('restore', watch, options);
  assert.equal(ended.exitCode, code, said(ended));
  assert.deepEqual(host.violations, []);
  return ended;
}

async function refused(code: number, file: string, message: RegExp) {
  const was = [structuredClone(host.cluster.state), host.state()];
  const ended = await ends(code, { package: file });
  assert.match(said(ended), message);
  assert.notEqual(hintOf(ended), '');
  assert.deepEqual([host.cluster.state, host.state()], was);
}

const assertBack = (what?: string) =>
  assert.deepEqual([state().installed?.version, host.cluster.state.database.rows], ['2026.1', rows], what);

test('without the package it is refused before anything is stopped, and the hint names the flag', async () => {
  const ended = await ends(6);
  assert.match(
    said(ended),
    /1 image of 2026\.1 are not on this host: .*server:2026\.1\. Nothing was stopped/,
  );
  assert.match(hintOf(ended), /restore --package FILE/);
  assert.deepEqual([state().installed?.version, host.cluster.state.database.schema], ['2026.2', 2]);
  await ends(0, { package: files.own });
  assertBack();
});

test('with it the images come from there, and those of the other release stay pinned', async () => {
  const others = Object.entries(structuredClone(images())).filter(([name]) => name.endsWith(':2026.2'));
  const ended = await ends(0, { package: files.own });
  assertBack();
  assert.match(JSON.stringify(ended.shown), /1 image of 2026\.1 put back, by/);
  assert.deepEqual(
    Object.entries(images()).filter(([name]) => name.endsWith(':2026.2')),
    others,
  );
  await ends(0, { undo: true });
  assert.equal(state().installed?.version, '2026.2');
});

test('where nothing is missing nothing is loaded', async () => {
  await ends(0, { package: files.own });
  await ends(0, { undo: true });
  const was = structuredClone(images());
  const ended = await ends(0, { package: files.own });
  assert.doesNotMatch(JSON.stringify(ended.shown), /put back, by/);
  assert.deepEqual(images(), was);
});

test('a signed one is taken by its key, and none of another key', async () => {
  host.become(signed);
  await refused(4, files.thief, /is not trusted: it is signed by .*, and that release was signed by/);
  await refused(4, files.own, /is not trusted: it is unsigned, and that release was signed by/);
  await ends(0, { package: files.signed });
  assertBack();
});

test('an unsigned one has to be the very file', async () => {
  await refused(4, packed[0]!.path, /it is unsigned, and not the file with which that release was installed/);
  await refused(4, files.signed, /it is signed by .*, and that release was unsigned/);
});

test('another release, another product, a part of a file and no file are refused', async () => {
  await refused(5, files.next, /is of the release 2026\.2, not of 2026\.1/);
  await refused(2, packed[1]!.path, /is of the product other, not of tiny/);
  const part = join(host.root, 'part');
  copyFileSync(files.own, part);
  truncateSync(part, 4000);
  await refused(4, part, /./);
  const folder = join(host.root, 'folder');
  mkdirSync(folder);
  await refused(2, folder, /cannot be read/);
  await refused(2, join(host.root, 'none'), /cannot be read/);
});

test('killed at any place and around any program it ends the same', async () => {
  const killed: { name: string; world: World }[] = [];
  let points = 0;
  await ends(0, { package: files.own }, (event) => {
    const isEarly = state().run?.steps['restore_halt'] === undefined;
    const isPoint = event.kind === 'place' || event.kind === 'program';
    if (isEarly && isPoint && state().run?.flow === 'restore' && (points += 1) % 5 === 0)
      killed.push({ name: eventName(event), world: host.copy() });
    return undefined;
  });
  const expected = structuredClone(images());
  assert.ok(killed.length >= 5, `${killed.length} worlds of ${points}`);
  for (const { name, world } of killed) {
    host.become(world);
    const again = await host.run('restore', undefined, { package: files.own });
    assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
    assertBack(name);
    assert.deepEqual(images(), expected, name);
  }
});
