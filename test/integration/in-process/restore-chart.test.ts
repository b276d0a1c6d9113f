import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import { eventName, type HostEvent } from '../../fixtures/in-process-host/events.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { outcome } from '../../fixtures/in-process-host/outcome.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** `restore --chart-only`: the release goes back, and the database stays, where its schema has not moved. */

let host: SimulatedHost;
/** After an upgrade that has completed, whose release works with the schema of before. */
let unmoved: World;
/** The same, with the schema of the new release. */
let moved: World;
/** After one that failed, and was rolled back by Helm. */
let rolledBack: World;

const rows = ['Troll A-1', 'Troll A-2', 'Gullfaks A-1'];

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  const installed = host.copy();
  const image = structuredClone(host.cluster.state.images);
  const failed = await host.run(
    'upgrade',
    failingHelm(() => host),
  );
  assert.equal(failed.exitCode, 7, said(failed));
  assert.ok(Object.keys(image).length > 0);
  host.cluster.state.database.rows.push(...rows);
  rolledBack = host.copy();
  host.become(installed);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  host.cluster.state.database.rows.push(...rows);
  moved = host.copy();
  host.cluster.state.database.schema = 1;
  unmoved = host.copy();
});
beforeEach(() => host.become(unmoved));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.hint ?? '';
const state = (): State => host.state() as State;
const database = () => host.cluster.state.database;
const backups = () => readdirSync(join(host.folder, '.installer/backups'));

type Options = NonNullable<Parameters<SimulatedHost['run']>[2]>;

async function ends(code: number, options: Options = {}, watch?: Watcher, given = {}) {
  const ended = await host.run('restore', watch, { chartOnly: true, ...options }, given);
  assert.equal(ended.exitCode, code, said(ended));
  assert.deepEqual(host.violations, []);
  return ended;
}

const now = () => ({
  installed: state().installed?.version,
  chart: /appVersion: "?([\d.]+)/.exec(readFileSync(join(host.folder, 'TinyChart/Chart.yaml'), 'utf8'))?.[1],
  pods: host.cluster.imageTags(namespace, 'app=server'),
  rows: database().rows,
  beside: Object.keys(database().beside ?? {}),
});
const release = (version: string) => ({
  installed: version,
  chart: version,
  pods: [version],
  rows,
  beside: [],
});

async function refused(code: number, options: Options = {}, watch?: Watcher) {
  const was = [structuredClone(host.cluster.state), host.state()];
  const ended = await ends(code, options, watch);
  assert.deepEqual([host.cluster.state, host.state()], was);
  assert.notEqual(hintOf(ended), '');
  return ended;
}

test('it brings the release back, and the database stays with every row of now', async () => {
  const folders = backups().length;
  const ended = await ends(0);
  assert.deepEqual(now(), release('2026.1'));
  assert.match(
    ended.result?.lines.join('\n') ?? '',
    /Tiny 2026\.1 is back: nothing was done to the database/,
  );
  assert.deepEqual([ended.result?.data['chartOnly'], ended.result?.data['movedDatabase']], [true, null]);
  const { restored } = state();
  assert.deepEqual([restored?.chartOnly, restored?.moved, restored?.dump], [true, null, null]);
  assert.equal(backups().length, folders + 1);
  const steps = Object.keys(state().run?.steps ?? {});
  assert.deepEqual(steps, ['restore_images', 'restore_chart', 'restore_helm', 'restore_health_server']);
});

test('typed again it has nothing to do; --undo brings the release from before back, and once more', async () => {
  await ends(0);
  assert.match(said(await refused(10)), /^2026\.1 was brought back \S+ without its data, and no upgrade has/);
  await ends(0, { chartOnly: false, undo: true });
  assert.deepEqual(now(), release('2026.2'));
  // What its Helm does in this model.
  database().schema = 1;
  await ends(0);
  assert.deepEqual(now(), release('2026.1'));
});

test('after an upgrade that Helm has rolled back it ends that, and there is nothing to take back', async () => {
  host.become(rolledBack);
  const ended = await ends(0);
  assert.deepEqual(now(), release('2026.1'));
  assert.doesNotMatch(ended.result?.lines.join('\n') ?? '', /--undo/);
  assert.deepEqual([state().suspended, state().history.at(-1)?.status], [undefined, 'superseded']);
  const undo = await refused(10, { chartOnly: false, undo: true });
  assert.match(said(undo), /no restore on this host can be taken back/);
  const images = host.cluster.state.images;
  assert.equal(images['registry.example/tiny/server:2026.2'], undefined);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.equal(now().installed, '2026.2');
});

test('where the schema has moved it is refused, and says between which versions', async () => {
  host.become(moved);
  const ended = await refused(5);
  assert.match(said(ended), /schema has moved from version 1 to 2.*Nothing was changed/);
  assert.match(hintOf(ended), /\.\/tiny restore$/);
});

test('where anything in the schema is another one it is refused, and says what', async () => {
  database().made = ['extra'];
  assert.match(said(await refused(5)), /has changed although its version is still 1: .*table/);
});

test('where the database does not tell it is refused', async () => {
  const silent: Watcher = (event) =>
    event.kind === 'program' && event.phase === 'before' && event.argv.includes('psql')
      ? new IvaapError('failed', 'psql: no route', { hint: 'wait' })
      : undefined;
  assert.match(said(await refused(5, {}, silent)), /moved is not known: the database did not answer/);
});

test('where it was not kept what the schema consisted of it is refused', async () => {
  const path = join(host.folder, '.installer/state.json');
  const known = JSON.parse(readFileSync(path, 'utf8')) as State;
  const dump = known.anchors['2026.1']?.derived['pgDump'] as Record<string, unknown>;
  delete dump['schemaFingerprint'];
  delete known.run?.pointOfNoReturn?.data['schemaFingerprint'];
  writeFileSync(path, JSON.stringify(known));
  assert.match(said(await refused(5)), /What its schema consisted of was not kept/);
});

test('a file has no chart', async () => {
  const path = join(host.root, 'some.sql');
  writeFileSync(path, '', { mode: 0o600 });
  assert.match(said(await refused(2, { backup: path })), /some\.sql holds data alone/);
});

test('what the operator has changed since stays beside, and the question says that the data stay', async () => {
  const values = join(host.folder, 'tiny.values.yaml');
  const edited = `${readFileSync(values, 'utf8')}pool: 99\n`;
  writeFileSync(values, edited);
  const asked: string[] = [];
  await ends(1, { confirm: undefined }, undefined, {
    confirm: async (text: string) => (asked.push(text), false),
  });
  assert.match(asked[0] ?? '', /leaves the database as it is.*2026\.2 now, 2026\.1 afterwards/s);
  assert.doesNotMatch(asked[0] ?? '', /data of then/);
  const ended = await ends(0);
  assert.equal(readFileSync(ended.result?.data['valuesBefore'] as string, 'utf8'), edited);
});

test('a dry run shows its steps and changes nothing', async () => {
  const was = [structuredClone(host.cluster.state), host.state()];
  const ended = await ends(0, { dryRun: true });
  const steps = ended.result?.plan?.steps.map(({ id }) => id);
  assert.deepEqual(steps, ['restore_images', 'restore_chart', 'restore_helm', 'restore_health_server']);
  assert.deepEqual([host.cluster.state, host.state()], was);
  assert.match(ended.result?.plan?.stake[0] ?? '', /leaves the database as it is$/);
});

test('a schema that moves while Helm works is told', async () => {
  const ended = await ends(0, {}, (event) => {
    if (event.kind === 'program' && event.phase === 'after' && event.argv[1] === 'upgrade')
      database().schema = 2;
    return undefined;
  });
  assert.match(JSON.stringify(ended.result?.data['warnings']), /schema has moved from version 1 to 2/);
});

test('one whose release cannot come back is taken back, or goes on once that is mended', async () => {
  const name = 'registry.example/tiny/server:2026.1';
  const image = host.cluster.state.images[name]!;
  await ends(6, {}, (event) => {
    if (event.kind === 'program' && event.phase === 'before' && event.argv[1] === 'upgrade')
      delete host.cluster.state.images[name];
    return undefined;
  });
  const world = host.copy();
  await ends(0, { chartOnly: false, undo: true });
  assert.deepEqual(now(), release('2026.2'));
  host.become(world);
  const other = await ends(5, { chartOnly: false, dataOnly: true });
  assert.match(said(other), /a restore of 2026\.1 was started/);
  host.cluster.state.images[name] = image;
  await ends(0);
  assert.deepEqual(now(), release('2026.1'));
});

for (const [what, wanted] of [
  ['place', ({ kind }: HostEvent) => kind === 'place'],
  ['program', ({ kind }: HostEvent) => kind === 'program'],
] as const) {
  for (const start of ['an upgrade that has completed', 'one that Helm has rolled back'] as const) {
    test(`killed at any ${what}, after ${start}, it ends the same and loses no row`, async () => {
      const begin = start === 'one that Helm has rolled back' ? rolledBack : unmoved;
      const end = () => {
        const { files, ...rest } = outcome(host);
        return { ...rest, files: (files as string[]).filter((line) => !line.includes('.before-restore-')) };
      };
      host.become(begin);
      const killed: { name: string; world: World }[] = [];
      let points = 0;
      const stride = what === 'place' ? 1 : 5;
      await ends(0, {}, (event) => {
        if (wanted(event) && state().run?.status !== 'completed' && (points += 1) % stride === 0)
          killed.push({ name: eventName(event), world: host.copy() });
        return undefined;
      });
      const expected = structuredClone(end());
      assert.ok(killed.length >= 8, `${killed.length} worlds`);
      for (const { name, world } of killed) {
        host.become(world);
        assert.deepEqual([database().rows, database().schema], [rows, 1], name);
        const again = await host.run('restore', undefined, { chartOnly: true });
        assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
        assert.deepEqual({ name, ...end() }, { name, ...expected });
      }
    });
  }
}
