import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import { discardMoved } from '../../../src/flows/restore/discard.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { knownBackups } from '../../../src/queries/backup-list.ts';
import { failingHelm, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { claim, namespace } from '../../fixtures/in-process-host/product.ts';
import { dumpText, restoredFrom } from '../../fixtures/in-process-host/postgres.ts';

/** `restore` after upgrades that failed and that completed: what comes back, stays and is refused. */

let host: SimulatedHost;
let empty: World;
let failed: World;
let upgraded: World;

const then = ['Troll A-1', 'Troll A-2'];
const later = 'Gullfaks A-1';

/** Lets Helm fail half-way once the schema has moved, which rolls the release back. */
const movedThenFailed = failingHelm(
  () => host,
  () => (host.cluster.state.database.schema = 2),
);

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...then);
  const installed = host.copy();
  const images = structuredClone(host.cluster.state.images);
  assert.equal((await host.run('upgrade', movedThenFailed)).exitCode, 8);
  host.cluster.state.database.rows.push(later);
  failed = host.copy();
  host.become(installed);
  assert.ok(Object.keys(images).length > 0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  host.cluster.state.database.rows.push(later);
  upgraded = host.copy();
});
beforeEach(() => host.become(upgraded));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.hint ?? '';
const state = (): State => host.state() as State;
const database = () => host.cluster.state.database;
const beside = () => Object.entries(database().beside ?? {});
const file = (name: string) => join(host.folder, name);
const chartVersion = () =>
  /appVersion: "?([\d.]+)/.exec(readFileSync(file('TinyChart/Chart.yaml'), 'utf8'))?.[1];
const claimUid = () => host.cluster.get('PersistentVolumeClaim', claim, namespace)?.metadata.uid;

async function ends(code: number, ...[watch, options, given]: Parameters<typeof restoring>) {
  const ended = await restoring(watch, options, given);
  assert.equal(ended.exitCode, code, said(ended));
  assert.deepEqual(host.violations, []);
  return ended;
}
const restoring = (
  watch?: Watcher,
  options: NonNullable<Parameters<SimulatedHost['run']>[2]> = {},
  given: NonNullable<Parameters<SimulatedHost['run']>[3]> = {},
) => host.run('restore', watch, options, given);

/** The release, its chart and pods, and the live database. */
const now = () => ({
  installed: state().installed?.version,
  chart: chartVersion(),
  pods: host.cluster.imageTags(namespace, 'app=server'),
  schema: database().schema,
  rows: database().rows,
});
const old = { installed: '2026.1', chart: '2026.1', pods: ['2026.1'], schema: 1, rows: then };
const fresh = { installed: '2026.2', chart: '2026.2', pods: ['2026.2'], schema: 2, rows: [...then, later] };

/** Every byte below the product's folder, the lock and the scan's receipt aside. */
function inventory(): string[] {
  return (readdirSync(host.folder, { recursive: true }) as string[])
    .filter((name) => !/^\.installer\/(lock|scan-receipt\.json|work|tools)/.test(name))
    .sort()
    .map((name) => {
      const path = file(name);
      try {
        return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
      } catch {
        return name;
      }
    });
}

test('after an upgrade that failed it brings back the old release and its data', async () => {
  host.become(failed);
  const uid = claimUid();
  await ends(0);
  assert.deepEqual(now(), old);
  assert.equal(claimUid(), uid);
  const { run, suspended, restored, history } = state();
  assert.deepEqual([run?.flow, run?.status, suspended], ['restore', 'completed', undefined]);
  assert.equal(history.at(-1)?.status, 'superseded');
  const [[name, { text }] = ['', { text: '' }]] = beside();
  assert.equal(restored?.moved, name);
  assert.deepEqual(restoredFrom(text), { schema: 2, rows: [...then, later] });
  const dump = restored?.pgDump?.['path'] as string;
  assert.deepEqual(restoredFrom(readFileSync(dump, 'utf8')), { schema: 2, rows: [...then, later] });
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.deepEqual(now().installed, '2026.2');
});

test('after an upgrade that has completed it brings back the release from before it', async () => {
  const ended = await ends(0);
  assert.deepEqual(now(), old);
  assert.match(ended.result?.lines.join('\n') ?? '', /Tiny 2026\.1 is back/);
  assert.match(ended.result?.lines.join('\n') ?? '', /restore --undo/);
  assert.deepEqual(Object.keys(state().anchors), ['2026.1']);
});

test('typed again it has nothing to do and changes nothing; by its name the backup is restored again', async () => {
  await ends(0);
  const before = [inventory(), structuredClone(host.cluster.state)];
  const again = await ends(10);
  assert.match(hintOf(again), /restore NAME/);
  assert.deepEqual([inventory(), host.cluster.state], before);
  database().rows.push(later);
  const dump = state().restored?.dump?.['folder'] as string;
  await ends(0, undefined, { backup: dump.split('/').at(-1) });
  assert.deepEqual(now(), old);
  assert.equal(beside().length, 2);
});

for (const what of ['failed', 'completed'] as const) {
  test(`--undo brings back what was there before a restore over an upgrade that ${what}, and restore it again`, async () => {
    if (what === 'failed') {
      const image = host.cluster.state.images['registry.example/tiny/server:2026.2'];
      host.become(failed);
      host.cluster.state.images['registry.example/tiny/server:2026.2'] = image!;
    }
    await ends(0);
    database().rows.push('Sleipner A-1');
    await ends(0, undefined, { undo: true });
    assert.deepEqual(now(), fresh);
    const { restored } = state();
    assert.equal(restored?.undo, true);
    const dump = restored?.pgDump?.['path'] as string;
    assert.deepEqual(restoredFrom(readFileSync(dump, 'utf8')), {
      schema: 1,
      rows: [...then, 'Sleipner A-1'],
    });
    await ends(0);
    assert.deepEqual(now(), old);
    await ends(0, undefined, { undo: true });
    assert.deepEqual(now(), fresh);
  });
}

test('--undo without a restore, and a second one of the same, are told what there is', async () => {
  const none = await ends(10, undefined, { undo: true });
  assert.match(said(none), /no restore on this host/);
  await ends(0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const since = await ends(5, undefined, { undo: true });
  assert.match(said(since), /an upgrade was started since/);
  assert.match(hintOf(since), /\.\/tiny restore/);
});

const statusText = async () => statusLines(await host.status('upgrade')).join('\n');
const backupNames = async () => {
  const all = await knownBackups({ ...placeOf(), product: { name: namespace } as never }, state());
  return all.map(({ entry }) => entry.name);
};

/** Two restores, with rows between them: what each has moved aside, the older one first. */
async function restoredTwice(): Promise<[older: string, newer: string]> {
  const [dump = ''] = await backupNames();
  await ends(0);
  const older = state().restored?.moved ?? '';
  database().rows.push('Sleipner A-1');
  await ends(0, undefined, { backup: dump });
  const newer = state().restored?.moved ?? '';
  assert.notEqual(older, newer);
  assert.deepEqual(
    beside()
      .map(([name]) => name)
      .sort(),
    [older, newer].sort(),
  );
  return [older, newer];
}

test('every database that was moved aside is named, and comes back by its name with its release', async () => {
  const [older, newer] = await restoredTwice();
  const text = await statusText();
  assert.ok(text.includes(`is ${newer}: "restore --undo" brings it back`), text);
  assert.ok(text.includes(`is ${older}: "restore --undo ${older}" brings it back`), text);
  await ends(0, undefined, { undo: true });
  assert.deepEqual(now(), { ...old, rows: [...then, 'Sleipner A-1'] });
  await ends(0, undefined, { undo: true, backup: older });
  assert.deepEqual(now(), fresh);
  // What came back is aside no more; what was there instead is.
  const names = beside().map(([name]) => name);
  assert.ok(!names.includes(older) && names.includes(state().restored?.moved ?? ''), names.join());
  const left = await statusText();
  assert.ok(names.every((name) => left.includes(name)) && !left.includes(older), left);
});

test('dumps that earlier restores have taken stay listed, and bring their release back', async () => {
  await restoredTwice();
  const [{ pgDump } = { pgDump: null }] = state().restored?.earlier ?? [];
  const { folder } = pgDump as { folder: string };
  const name = folder.split('/').at(-1) ?? '';
  assert.ok((await backupNames()).includes(name), name);
  await ends(0, undefined, { backup: name });
  assert.deepEqual(now(), fresh);
});

test('after an upgrade since then the database comes back by its name alone', async () => {
  await ends(0);
  const moved = state().restored?.moved ?? '';
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const refused = await ends(5, undefined, { undo: true });
  assert.ok(said(refused).includes(`stays as ${moved}`), said(refused));
  assert.ok(hintOf(refused).includes(`restore --undo ${moved}`), hintOf(refused));
  await ends(0, undefined, { undo: true, backup: moved });
  assert.deepEqual(now(), fresh);
});

test('one that nothing is recorded of comes back with its data alone, where the schema is the same', async () => {
  const name = 'tinydb_moved_20260101T000000_1';
  database().beside = { [name]: { text: dumpText(['Njord A-1'], 2), comment: '' } };
  await ends(0, undefined, { undo: true, backup: name });
  assert.deepEqual(now(), { ...fresh, rows: ['Njord A-1'] });
  const other = 'tinydb_moved_20260101T000000_2';
  database().beside![other] = { text: dumpText([], 1), comment: '' };
  const was = inventory();
  const refused = await ends(5, undefined, { undo: true, backup: other });
  assert.match(said(refused), /has schema version 1, and no chart was kept with it: 2026\.2 stays/);
  assert.deepEqual(inventory(), was);
  const none = await ends(2, undefined, { undo: true, backup: 'tinydb_moved_20260101T000000_3' });
  assert.match(unmarked(said(none)), /no restore has moved tinydb_.*_3 aside/);
  assert.match(hintOf(none), /status$/);
});

test('--discard takes all of them, and none is named any more', async () => {
  const names = await restoredTwice();
  assert.equal((await discard({ confirm: namespace })).exitCode, 0);
  const text = await statusText();
  assert.ok(!names.some((name) => text.includes(name)), text);
  const undo = await ends(2, undefined, { undo: true, backup: names[0] });
  assert.match(unmarked(said(undo)), /no restore has moved/);
});

for (const place of ['restore_swap:verified', 'restore_chart:chart-placed', 'restore_helm:verified']) {
  test(`the data alone wait for a restore that was cut off at ${place}`, async () => {
    const [dump = ''] = await backupNames();
    const stopped = await host.run('restore', signalAt(place, 'SIGTERM').watch);
    assert.equal(stopped.exitCode, 143, said(stopped));
    const was = { ...now(), inventory: inventory() };
    for (const options of [{ dataOnly: true }, { dataOnly: true, backup: dump }, { backup: dump }]) {
      const refused = await ends(5, undefined, options);
      assert.match(said(refused), /a restore of 2026\.1 was started .* and is not finished/);
      assert.match(hintOf(refused), /restore/);
      assert.deepEqual({ ...now(), inventory: inventory() }, was);
    }
    await ends(0);
    assert.deepEqual(now(), old);
  });
}

const placeOf = () => ({ paths: { backups: file('.installer/backups') } as never });

const discard = (options: { confirm?: string; dryRun?: boolean } = {}, confirm?: () => Promise<boolean>) =>
  host.command(
    'restore',
    ['restore', '--discard'],
    (ports) => discardMoved({ confirm: options.confirm, dryRun: options.dryRun === true }, ports),
    { confirm },
  );

test('--discard shows what it deletes, asks, and takes the way back of the restore with it', async () => {
  assert.equal((await discard({ confirm: namespace })).exitCode, 10);
  await ends(0);
  const [[name] = ['']] = beside();
  const dry = await discard({ dryRun: true });
  assert.match(
    dry.result?.lines.join('\n') ?? '',
    new RegExp(`${name}: moved aside .* ago; .* about \\d+ row`),
  );
  assert.equal((await discard()).exitCode, 2);
  const declined = await discard({}, async () => false);
  assert.equal(declined.exitCode, 1);
  assert.equal(beside().length, 1);
  const given = await discard({ confirm: namespace });
  assert.equal(given.exitCode, 0);
  assert.deepEqual(beside(), []);
  const told = given.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.match(told.join('\n'), new RegExp(`for good:\n {2}${name}: moved aside .* ago; .* about \\d+ row`));
  const undo = await ends(10, undefined, { undo: true });
  assert.match(said(undo), /was discarded/);
  assert.deepEqual(now(), old);
});

test('the dump of what a restore found is listed, and brings it back after a discard as well', async () => {
  await ends(0);
  assert.equal((await discard({ confirm: namespace })).exitCode, 0);
  const { folder } = state().restored!.pgDump as { folder: string };
  const listed = await knownBackups({ ...placeOf(), product: { name: namespace } as never }, state());
  const entry = listed.find(({ dump }) => dump.folder === folder)?.entry;
  assert.deepEqual([entry?.release, entry?.anchor, entry?.kind], ['2026.2', '2026.2', 'upgrade']);
  await ends(0, undefined, { backup: entry?.name });
  assert.deepEqual(now(), fresh);
});

test('--discard is refused while an upgrade or a restore is not finished', async () => {
  host.become(failed);
  const refused = await discard({ confirm: namespace });
  assert.equal(refused.exitCode, 5);
  assert.match(said(refused), /upgrade to 2026\.2 on this host is not finished/);
});

test('--data-only leaves the release, and an unfinished upgrade unfinished', async () => {
  host.become(failed);
  await ends(0, undefined, { dataOnly: true });
  assert.deepEqual([database().schema, database().rows], [1, then]);
  assert.deepEqual([state().run?.flow, state().run?.status], ['upgrade', 'failed']);
  assert.equal(state().history.at(-1)?.flow, 'restore');
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.deepEqual([database().schema, database().rows], [2, then]);
});

test('what the operator has changed in the values file since is kept beside, and its keys are named', async () => {
  writeFileSync(
    file('tiny.values.yaml'),
    `${readFileSync(file('tiny.values.yaml'), 'utf8')}pool: 99\nsecretKey: hush\n`,
  );
  const edited = readFileSync(file('tiny.values.yaml'), 'utf8');
  const ended = await ends(0);
  const kept = ended.result?.data['valuesBefore'] as string;
  assert.equal(readFileSync(kept, 'utf8'), edited);
  assert.doesNotMatch(readFileSync(file('tiny.values.yaml'), 'utf8'), /pool: 99/);
  const warned = JSON.stringify(ended.shown);
  assert.match(warned, /Other values there: .*pool, secretKey/);
  assert.doesNotMatch(warned, /hush/);
});

test('the name is asked for, and everything at stake is shown once', async () => {
  const asked: string[] = [];
  const confirm = async (text: string) => (asked.push(text), false);
  const declined = await ends(1, undefined, { confirm: undefined }, { confirm });
  const text = unmarked(asked[0] ?? '');
  assert.match(text, /2026\.2 now, 2026\.1 afterwards/);
  assert.match(text, /version 2 now, 1 in the dump/);
  assert.match(text, /public\.wells: 2 in the dump, 3 now/);
  assert.doesNotMatch(text, /public\.migrations/);
  assert.match(hintOf(declined), /--dry-run/);
  assert.deepEqual(now(), fresh);
  const typed = await ends(0, undefined, { confirm: undefined }, { confirm: async () => true });
  const shown = typed.shown.filter((event) => JSON.stringify(event).includes('2 in the dump'));
  assert.deepEqual(shown, []);
  host.become(upgraded);
  const scripted = await ends(0);
  assert.match(JSON.stringify(scripted.shown), /2 in the dump/);
});

test('on a host with nothing installed there is nothing to restore or to discard', async () => {
  host.become(empty);
  for (const dryRun of [false, true]) {
    const refused = await ends(10, undefined, { dryRun });
    assert.match(said(refused), /^there is nothing to restore on this host: there is no /);
    assert.match(hintOf(refused), /^to install 2026\.2: \.\/tiny install --help$/);
  }
  const discarded = await discard({ confirm: namespace });
  assert.equal(discarded.exitCode, 10);
  assert.match(said(discarded), /^there is nothing to discard on this host: there is no /);
});

test('without a terminal it needs the name, and no other name will do', async () => {
  const none = await ends(2, undefined, { confirm: undefined });
  assert.match(hintOf(none), /--confirm tiny/);
  await ends(2, undefined, { confirm: 'other' });
});

test('a dry run shows what is at stake and the steps, and changes nothing', async () => {
  const before = [inventory(), structuredClone(host.cluster.state)];
  const ended = await ends(0, undefined, { dryRun: true, confirm: undefined });
  const steps = ended.result?.plan?.steps.map(({ id }) => id);
  assert.deepEqual(steps?.slice(0, 3), ['restore_load', 'restore_images', 'restore_halt']);
  assert.deepEqual([inventory(), host.cluster.state], before);
  const asked: string[] = [];
  const confirm = async (text: string) => (asked.push(text), false);
  await ends(1, undefined, { confirm: undefined }, { confirm });
  const { stake = [] } = ended.result?.plan ?? {};
  assert.match(unmarked(stake.join('\n')), /^ {2}rows +public\.wells: 2 in the dump, 3 now/m);
  assert.ok(unmarked(asked[0] ?? '').startsWith(unmarked(stake.join('\n'))), asked[0]);
  assert.deepEqual(ended.result?.data['stake'], stake);
  await ends(0);
  const undo = await ends(0, undefined, { undo: true, dryRun: true, confirm: undefined });
  assert.match(undo.result?.plan?.stake.join('\n') ?? '', /release +2026\.1 now, 2026\.2 afterwards/);
});

test('an image of the old release that is gone stops it before anything is stopped', async () => {
  delete host.cluster.state.images['registry.example/tiny/server:2026.1'];
  const ended = await ends(6);
  assert.match(said(ended), /registry\.example\/tiny\/server:2026\.1/);
  assert.match(hintOf(ended), /--data-only/);
  assert.deepEqual(now(), fresh);
  assert.equal((await host.run('upgrade')).exitCode, 10);
});

test('a dump that is gone is named, and nothing is changed', async () => {
  const { path } = state().anchors['2026.1']!.derived['pgDump'] as { path: string };
  writeFileSync(path, '');
  const ended = await ends(6);
  assert.match(said(ended), /is missing, or has not its recorded size/);
  assert.deepEqual(now(), fresh);
});

test('--skip-backup takes no dump of what is there, and that is recorded', async () => {
  await ends(0, undefined, { skipBackup: true });
  assert.equal(state().restored?.pgDump, null);
  assert.equal(state().skippedBackups.at(-1)?.run, state().run?.id);
  assert.equal(beside().length, 1);
});

test('one that fails before the swap starts again what it has stopped, and is no obstacle', async () => {
  const refused: Watcher = (event) =>
    event.kind === 'program' && event.phase === 'before' && event.argv.includes('pg_dumpall')
      ? new IvaapError('failed', 'the roles cannot be dumped', { hint: 'see why' })
      : undefined;
  const ended = await ends(6, refused);
  assert.match(JSON.stringify(ended.shown), /the database is as it was: .* was halted, and is started again/);
  assert.deepEqual(now(), fresh);
  const world = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 10);
  host.become(world);
  await ends(0);
  assert.deepEqual(now(), old);
});

test('an upgrade goes on over a restore that was stopped before it has stopped anything', async () => {
  host.become(failed);
  await ends(130, signalAt('restore_load:verified', 'SIGINT').watch);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.equal(now().installed, '2026.2');
  assert.equal(state().suspended, undefined);
});

test('other flows wait for a restore that has begun, and the message has its command', async () => {
  const killed: World[] = [];
  await ends(0, (event) => {
    if (event.kind === 'place' && event.place === 'restore_swap:swapped') killed.push(host.copy());
    return undefined;
  });
  host.become(killed[0]!);
  for (const flow of ['upgrade', 'rollback'] as const) {
    const refused = await host.run(flow);
    assert.equal(refused.exitCode, 5, said(refused));
    assert.match(said(refused), /a restore of 2026\.1 was started/);
    assert.match(hintOf(refused), /restore/);
  }
  assert.equal((await discard({ confirm: namespace })).exitCode, 5);
  await ends(0);
  assert.deepEqual(now(), old);
});

test('a restore whose release cannot come back is taken back, or goes on once that is mended', async () => {
  const gone: Watcher = (event) => {
    if (event.kind === 'program' && event.phase === 'before' && event.argv[1] === 'upgrade')
      delete host.cluster.state.images['registry.example/tiny/server:2026.1'];
    return undefined;
  };
  const image = host.cluster.state.images['registry.example/tiny/server:2026.1']!;
  await ends(6, gone);
  assert.deepEqual([database().schema, database().rows], [1, then]);
  const world = host.copy();
  await ends(0, undefined, { undo: true });
  assert.deepEqual(now(), fresh);
  host.become(world);
  host.cluster.state.images['registry.example/tiny/server:2026.1'] = image;
  await ends(0);
  assert.deepEqual(now(), old);
});

test('without the API server from a place on it says so, and ends when it is typed again', async () => {
  for (const place of ['restore_halt:running', 'restore_swap:named', 'restore_helm:running']) {
    host.become(upgraded);
    const ended = await ends(6, noApiFrom(place).watch);
    assert.notEqual(hintOf(ended), '', place);
    await ends(0);
    assert.deepEqual(now(), old, place);
  }
  assert.ok(existsSync(file('TinyChart')));
});
