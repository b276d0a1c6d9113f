import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/** What may be chosen anew after an uninstall that has removed nothing. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1');
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error instanceof IvaapError ? (error.hint ?? '') : '');

/** Each place of an uninstall before it removes anything. */
async function worldsBefore(): Promise<Record<string, World>> {
  const worlds: Record<string, World> = {};
  await host.run('uninstall', (event) => {
    if (event.kind === 'place' && host.state()?.run?.noReturnAt === undefined)
      worlds[event.place] = host.copy();
    return undefined;
  });
  return worlds;
}

test('until it removes, an uninstall takes another folder and the other way with the data', async () => {
  const worlds = await worldsBefore();
  const places = Object.keys(worlds).filter((place) => place.startsWith('uninstall_'));
  assert.ok(places.includes('uninstall_record:running') && places.includes('uninstall_release:running'));
  for (const place of places) {
    host.become(worlds[place]!);
    const other = join(host.root, 'made/elsewhere');
    const ended = await host.run('uninstall', undefined, { dumpTo: other, keepData: true });
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    const dump = String(ended.result?.data.dump);
    assert.ok(dump.startsWith(`${other}/`) && existsSync(dump), `${place}: ${dump}`);
    assert.ok(existsSync(join(other, 'uninstall.json')), place);
    assert.ok(existsSync(join(host.root, 'storage/PG_VERSION')), place);
  }
});

test('a run that closes an uninstall takes away its lone record, and names a folder with more in it', async () => {
  const worlds = await worldsBefore();
  const last = join(host.root, 'last');
  const left = worlds['uninstall_record:verified']!;
  for (const more of [false, true]) {
    host.become(left);
    assert.deepEqual(readdirSync(last), ['uninstall.json']);
    if (more) writeFileSync(join(last, 'of-others'), '');
    const ended = await host.run('upgrade');
    assert.equal(ended.exitCode, 0, said(ended));
    const lines = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
    assert.equal(existsSync(last), more);
    const told = lines.filter((text) => /uninstall .* has removed nothing, and is closed/.test(text));
    assert.equal(told.length, 1, lines.join('\n'));
    assert.equal(told[0]?.includes(last), more, told[0]);
    if (more) assert.deepEqual(readdirSync(last).sort(), ['of-others', 'uninstall.json']);
  }
});

test('the lone record of a closed uninstall is no file of others; that of another host or product is', async () => {
  const last = join(host.root, 'last');
  const record = (change: object) =>
    JSON.stringify({
      format: 1,
      product: 'tiny',
      host: hostname(),
      begunAt: '2026-01-01T00:00:00Z',
      ...change,
    });
  mkdirSync(last, { mode: 0o700 });
  for (const change of [{ product: 'else' }, { host: 'another' }, { endedAt: '2026-01-01T00:01:00Z' }]) {
    writeFileSync(join(last, 'uninstall.json'), record(change));
    const refused = await host.run('uninstall', undefined, { dumpTo: last });
    assert.equal(refused.exitCode, 2, JSON.stringify(change));
    assert.match(said(refused), /is not empty \(uninstall\.json\)/);
  }
  writeFileSync(join(last, 'uninstall.json'), record({}));
  const ended = await host.run('uninstall', undefined, { dumpTo: last });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('a first step that fails ties the host to nothing', async () => {
  const readOnly = (event: { kind: string; phase?: string; path?: string }) =>
    event.kind === 'file' && event.phase === 'before' && event.path?.includes('/uninstall.json') === true
      ? Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS', syscall: 'open' })
      : undefined;
  const failed = await host.run('uninstall', readOnly, { deleteBackups: true });
  assert.equal(failed.exitCode, 6, said(failed));
  assert.match(hintOf(failed), /uninstall .*--dump-to FOLDER/);
  assert.doesNotMatch(hintOf(failed), /remount/);
  const other = join(host.root, 'made/elsewhere');
  const shown = await host.run('uninstall', undefined, { dumpTo: other, dryRun: true, confirm: undefined });
  assert.equal(shown.exitCode, 0, said(shown));
  const ended = await host.run('uninstall', undefined, { dumpTo: other });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('a folder that cannot be written is a blocker of a dry run, and nothing is recorded', async () => {
  writeFileSync(join(host.root, 'file'), '');
  mkdirSync(join(host.root, 'empty'));
  const before = JSON.stringify(host.state());
  for (const dumpTo of ['/proc/last', '/sys/last', join(host.root, 'file/last')]) {
    for (const dryRun of [true, false]) {
      const choices = { dumpTo, dryRun, skipBackup: true };
      const refused = await host.run('uninstall', undefined, choices);
      assert.equal(refused.exitCode, 3, `${dumpTo}: ${said(refused)}`);
      assert.match(hintOf(refused), /--dump-to FOLDER|ls -ld/, dumpTo);
      assert.doesNotMatch(hintOf(refused), /remount/);
      assert.equal(JSON.stringify(host.state()), before);
    }
  }
});
