import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, type IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import { resultSchemas } from '../../../src/flows/result-schemas.ts';
import { knownBackups } from '../../../src/queries/backup-list.ts';
import { noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import type { StoredObject } from '../../fixtures/in-process-host/cluster.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';
import { rehearsed as product } from '../../fixtures/in-process-host/product.ts';

/** `install --upgrade --rehearse`: what it finds, what it leaves as it is, and what it refuses. */

let host: SimulatedHost;
let installed: World;

const wells = ['Troll A-1', 'Troll A-2', 'Troll B-1'];

before(async () => {
  host = await SimulatedHost.start({}, product);
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...wells);
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => unmarked(causeChain(error).join(': '));
const state = (): State => host.state() as State;
const database = () => host.cluster.state.database;

/** What runs, as it was: objects, the live database, what the state says of the release. */
const untouched = () => ({
  objects: structuredClone(
    Object.fromEntries(
      Object.entries(host.cluster.state.objects).filter(([key]) => !key.startsWith('Node/')),
    ),
  ),
  live: { schema: database().schema, rows: [...database().rows] },
  beside: database().beside ?? {},
  roles: database().roles ?? {},
  installed: state().installed,
  run: state().run,
  suspended: state().suspended,
  rehearsing: state().rehearsing,
});

async function ends(code: number, watch?: Watcher, options: Parameters<SimulatedHost['run']>[2] = {}) {
  const ended = await host.run('rehearse', watch, options);
  assert.equal(ended.exitCode, code, said(ended));
  assert.deepEqual(host.violations, []);
  return ended;
}

test('it says how the migration went, and nothing that runs is another', async () => {
  const was = untouched();
  const { result } = await ends(0);
  assert.deepEqual(untouched(), was);
  const { rehearsed, history, backups } = state();
  assert.deepEqual(
    [rehearsed?.passed, rehearsed?.schema, rehearsed?.rows, rehearsed?.lost],
    [true, { before: 1, after: 2 }, 4, []],
  );
  assert.match(
    result?.lines[1] ?? '',
    /migrates in \d+ s, 1 -> 2, no table lost rows; expect about \d min of/,
  );
  assert.deepEqual([history.at(-1)?.flow, history.at(-1)?.status], ['rehearse', 'completed']);
  resultSchemas.rehearse.parse(result?.data);
  // Its dump is a backup like any other, and proved.
  const dump = rehearsed?.dump ?? '';
  assert.ok(existsSync(dump));
  assert.equal(backups?.at(-1)?.pgDump?.['path'], dump);
  assert.equal(state().verified?.[dump]?.how, 'restored');
  assert.equal((await host.status('upgrade')).latestDump?.verified, state().verified?.[dump]?.at);
});

test('an upgrade afterwards is a fresh one, which tells of it as a dry run does', async () => {
  await ends(0);
  const dry = await host.run('upgrade', undefined, { dryRun: true });
  assert.match(dry.result?.plan?.rehearsed ?? '', /^rehearsed 1 min ago: migrates in /);
  const upgrade = await host.run('upgrade');
  assert.equal(upgrade.exitCode, 0, said(upgrade));
  const plan = upgrade.shown.find((event) => event.type === 'run.plan');
  assert.match((plan as { plan: { rehearsed: string } }).plan.rehearsed, /no table lost rows/);
  const started = upgrade.shown.find((event) => event.type === 'run.started');
  assert.equal((started as { resumed: boolean }).resumed, false);
  assert.deepEqual([state().installed?.version, database().schema], ['2026.2', 2]);
});

test('a dry run of it plans its steps, and changes nothing', async () => {
  const was = untouched();
  const { result } = await ends(0, undefined, { dryRun: true });
  assert.deepEqual(
    result?.plan?.steps.map(({ id }) => id),
    ['rehearse_load_images', 'rehearse_pg_backup', 'rehearse_restore', 'rehearse_migrate', 'rehearse_clean'],
  );
  assert.deepEqual(untouched(), was);
});

test('a migration that fails is told with its log, exit 6, and the last run is what it was', async () => {
  const was = untouched();
  database().failure = 'ERROR: check constraint "deep" of relation "wells" is violated by some row';
  const ended = await ends(6);
  assert.match(said(ended), /failed on the copy: .*exit code 1; its log says: ERROR: .*relation "wells" is/);
  assert.match((ended.error as IvaapError).output ?? '', /violated by some row/);
  assert.deepEqual(untouched(), was);
  const { rehearsed, history } = state();
  assert.equal(rehearsed?.passed, false);
  assert.match(rehearsed?.why ?? '', /relation "wells"/);
  assert.deepEqual([history.at(-1)?.flow, history.at(-1)?.status], ['rehearse', 'failed']);
  const dry = await host.run('upgrade', undefined, { dryRun: true });
  assert.match(dry.result?.plan?.rehearsed ?? '', /it failed: .*violated/);
  delete database().failure;
  await ends(0);
});

test('a program that tries the same migration again and again has failed', async () => {
  const ended = await ends(6, (event) => {
    if (event.kind !== 'program' || event.phase !== 'before') return undefined;
    const job = host.cluster.get('Pod', 'tiny-rehearsal-x7k2p', namespace);
    if (job === undefined) return undefined;
    // It runs, and has not migrated.
    for (const copy of Object.values(database().beside ?? {})) copy.text = copy.text.replace(/^2$/m, '1');
    database().rollbacks = (database().rollbacks ?? 0) + 1;
    return undefined;
  });
  assert.match(said(ended), /it failed \d+ times at schema version 1; its log says: a line of the log/);
});

/** Its pod runs, and has not migrated. */
function slowPod(): StoredObject | undefined {
  const job = host.cluster.get('Pod', 'tiny-rehearsal-x7k2p', namespace);
  for (const copy of job === undefined ? [] : Object.values(database().beside ?? {}))
    copy.text = copy.text.replace(/^2$/m, '1');
  return job;
}

const statusText = async () => statusLines(await host.status('upgrade')).join('\n');
const planned = async () =>
  (await host.run('upgrade', undefined, { dryRun: true })).result?.plan?.rehearsed ?? '';

test('tables that lose rows are named, exit 6, and the upgrade afterwards shows them', async () => {
  const was = untouched();
  database().leaves = 1;
  const ended = await ends(6);
  assert.match(said(ended), /ends well on the copy, and loses rows: public\.wells has 1 of 3 rows/);
  assert.match((ended.error as IvaapError).hint ?? '', /the live database is as it was; .*--upgrade$/);
  assert.deepEqual(untouched(), was);
  const { rehearsed, history } = state();
  assert.deepEqual(
    [rehearsed?.passed, rehearsed?.schema, rehearsed?.lost],
    [false, { before: 1, after: 2 }, [{ table: 'public.wells', before: 3, after: 1 }]],
  );
  assert.deepEqual([history.at(-1)?.flow, history.at(-1)?.status], ['rehearse', 'failed']);
  const lost = /migrates in \d+ s, 1 -> 2, public\.wells has 1 of 3 rows; expect about/;
  assert.match(unmarked(await planned()), lost);
  assert.match(unmarked(await statusText()), lost);
  const upgrade = await host.run('upgrade');
  const plan = upgrade.shown.find((event) => event.type === 'run.plan');
  assert.match(unmarked((plan as { plan: { rehearsed: string } }).plan.rehearsed), lost);
});

const cutOff = /it could not be ended: /;

/** What ends a migration from outside, and what is said of it. */
const harms: readonly [string, () => object | undefined, RegExp][] = [
  ['its pod is evicted', () => ({ phase: 'Failed', reason: 'Evicted', message: 'low on disk' }), /Evicted/],
  [
    'the node is drained',
    () => ({
      phase: 'Failed',
      conditions: [{ type: 'DisruptionTarget', status: 'True', message: 'drained' }],
    }),
    /drained/,
  ],
  ['the node is restarted', () => terminated({ exitCode: 255, reason: 'Unknown' }), /node was restarted/],
  ['somebody kills it', () => terminated({ exitCode: 137, reason: 'Error' }), /killed \(exit code 137\)/],
  [
    'the server is restarted',
    () => {
      database().serverStarted = '2026-02-02';
      return terminated({ exitCode: 1, reason: 'Error' });
    },
    /server was restarted/,
  ],
];

const terminated = (how: { exitCode: number; reason: string }) => ({
  phase: 'Failed',
  containerStatuses: [
    { name: 'server', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: how } },
  ],
});

for (const [what, status, why] of harms) {
  test(`${what} while it migrates: nothing is said of the migration`, async () => {
    const was = untouched();
    const ended = await ends(6, (event) => {
      const pod = slowPod();
      const asks = event.kind === 'program' && event.phase === 'before' && event.argv.includes('pod');
      if (pod !== undefined && asks) host.cluster.apply({ ...pod, status: status() });
      return undefined;
    });
    assert.match(said(ended), /^the rehearsal could not be ended: /);
    assert.match(said(ended), why);
    delete database().serverStarted;
    assert.deepEqual(untouched(), was);
    assert.equal(state().rehearsed, undefined);
    for (const text of [await planned(), await statusText()]) {
      assert.match(unmarked(text), cutOff);
      assert.match(unmarked(text), why);
      assert.doesNotMatch(text, /it failed/);
    }
  });
}

test('a pod that ends for its memory has failed by itself', async () => {
  const ended = await ends(6, () => {
    const pod = slowPod();
    if (pod !== undefined)
      host.cluster.apply({ ...pod, status: terminated({ exitCode: 137, reason: 'OOMKilled' }) });
    return undefined;
  });
  assert.match(said(ended), /the migration failed on the copy: .*OOMKilled/);
  assert.equal(state().rehearsed?.passed, false);
});

test('a pod that is gone was deleted by somebody', async () => {
  let seen = 0;
  const ended = await ends(6, (event) => {
    if (slowPod() === undefined || event.kind !== 'program' || event.phase !== 'before') return undefined;
    if (event.argv.includes('pod') && (seen += 1) > 1)
      host.cluster.delete('Pod', 'tiny-rehearsal-x7k2p', namespace);
    return undefined;
  });
  assert.match(said(ended), /could not be ended: .*its pod was deleted/);
});

test('the API server goes away: what an earlier one has found stays, and both are told', async () => {
  await ends(0);
  const { rehearsed } = state();
  const ended = await ends(6, noApiFrom('rehearse_migrate:job-made').watch);
  assert.match(said(ended), /^the rehearsal could not be ended: /);
  assert.deepEqual(state().rehearsed, rehearsed);
  assert.match(
    await planned(),
    /^rehearsed \d+ min ago: migrates in .*; rehearsed 1 min ago: it could not be/,
  );
  assert.match(await statusText(), /migrates in [^]*could not be ended/);
  await ends(0);
  assert.equal(state().unendedRehearsal, undefined);
  assert.doesNotMatch(await planned(), cutOff);
});

test('one that was killed is told as that', async () => {
  let killed: World | undefined;
  await ends(0, (event) => {
    if (event.kind === 'place' && event.place === 'rehearse_migrate:job-made') killed = host.copy();
    return undefined;
  });
  host.become(killed!);
  assert.match(await planned(), /it could not be ended: it was killed/);
  await ends(0);
  assert.equal(state().unendedRehearsal, undefined);
});

test('its pod reads only what is its own, and no Service sends it anything', async () => {
  const pods: unknown[] = [];
  await ends(0, (event) => {
    const pod = host.cluster.get('Pod', 'tiny-rehearsal-x7k2p', namespace);
    if (pod !== undefined && pods.length === 0)
      pods.push(structuredClone(pod), structuredClone(host.cluster.state.objects));
    return event.kind === 'place' ? undefined : undefined;
  });
  const [pod, objects] = pods as [
    { spec: Record<string, unknown>; metadata: { labels: object } },
    Record<string, { data: Record<string, string> }>,
  ];
  const text = JSON.stringify(pod.spec);
  assert.doesNotMatch(text, /tiny-password|"tinydb"/);
  assert.deepEqual([pod.spec['automountServiceAccountToken'], pod.spec['restartPolicy']], [false, 'Never']);
  assert.equal((pod.metadata.labels as Record<string, string>)['app'], undefined);
  const live = objects['Secret/tiny/tiny-password']?.data['password'];
  const own = objects['Secret/tiny/tiny-rehearsal']?.data['password'];
  assert.ok(own !== undefined && own !== live);
  assert.ok(objects['ConfigMap/tiny/tiny-rehearsal-config'] !== undefined);
});

const liveSecret = () =>
  host.cluster.get('Secret', 'tiny-password', namespace) as unknown as { data: { password: string } };

test('a password of the live database that hides in another Secret stops it by name', async () => {
  const password = Buffer.from(liveSecret().data.password, 'base64').toString();
  const dsn = `postgres://tiny:${encodeURIComponent(password)}@db/`;
  for (const text of [dsn, Buffer.from(dsn).toString('base64'), 'host=db dbname=tinydb']) {
    host.become(installed);
    host.cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tiny-token', namespace },
      data: { dsn: Buffer.from(text).toString('base64') },
    });
    const was = untouched();
    const ended = await ends(3);
    assert.match(
      said(ended),
      /would still be told of the live database \(its (name|password), in Secret\/tiny-token, key dsn\)/,
    );
    assert.deepEqual(untouched(), was);
  }
});

test('a role that could log in elsewhere starts no pod', async () => {
  const was = untouched();
  database().opens = ['postgres'];
  const ended = await ends(6);
  assert.match(said(ended), /its role could log in to postgres as well/);
  assert.deepEqual(untouched(), was);
});

test('what has its name and not our mark stops it by name, and stays', async () => {
  const name = 'tinydb_rehearsal_20260101T000000_1';
  host.cluster.apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'tiny-rehearsal', namespace },
    spec: {},
  });
  database().beside = { [name]: { text: '', comment: '' } };
  database().roles = { tinydb_rehearsal_20260101T000000_2: { comment: 'mine', owns: false } };
  const was = untouched();
  const ended = await ends(3);
  assert.match(
    said(ended),
    /is not ours, and stays as it is: role tinydb_.*_2, database tinydb_.*_1, Job\/tiny-rehearsal/,
  );
  assert.deepEqual(untouched(), was);
});

test('where nothing is to be migrated it has nothing to do', async () => {
  database().schema = 2;
  const ended = await ends(10);
  assert.match(said(ended), /nothing to rehearse/);
});

test('an upgrade that was left unfinished before Helm stays what it is, and resumes', async () => {
  const stopped = await host.run('upgrade', signalAt('upgrade_snapshot:running', 'SIGTERM').watch);
  assert.equal(stopped.exitCode, 143);
  const { run } = state();
  await ends(0);
  assert.deepEqual({ ...state().run, status: '' }, { ...run, status: '' });
  const upgrade = await host.run('upgrade');
  assert.equal(upgrade.exitCode, 0, said(upgrade));
  const started = upgrade.shown.find((event) => event.type === 'run.started');
  assert.equal((started as { resumed: boolean }).resumed, true);
});

for (const moves of [false, true]) {
  const ends7or8 = moves
    ? 'and the schema has moved there is nothing to rehearse'
    : 'and rolled back it can be rehearsed';
  test(`once the upgrade has started Helm ${ends7or8}`, async () => {
    let image: (typeof host.cluster.state.images)[string] | undefined;
    const server = 'registry.example/tiny/server:2026.2';
    const failed = await host.run('upgrade', (event) => {
      image ??= host.cluster.state.images[server];
      if (event.kind !== 'program' || event.phase !== 'during' || event.argv[1] !== 'upgrade')
        return undefined;
      if (moves) database().schema = 2;
      delete host.cluster.state.images[server];
      return undefined;
    });
    assert.equal(failed.exitCode, moves ? 8 : 7);
    const { run } = state();
    const ended = await ends(moves ? 5 : 0);
    assert.deepEqual(state().run, run);
    if (moves) return assert.match(said(ended), /has started Helm: there is nothing to rehearse/);
    host.cluster.state.images[server] = image!;
    const upgrade = await host.run('upgrade');
    assert.equal(upgrade.exitCode, 0, said(upgrade));
  });
}

test('images of a release that may have to come back stay pinned', async () => {
  const { images } = host.cluster.state;
  const name = 'registry.example/tiny/server:2025.1';
  images[name] = structuredClone(images['registry.example/tiny/server:2026.1']!);
  images[name].labels['tiny.installer/release'] = '2025.1';
  const pinned = () => images[name]?.labels['io.cri-containerd.pinned'];
  await ends(0);
  assert.equal(pinned(), 'pinned');
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.notEqual(pinned(), 'pinned');
});

test('its dump is listed as a backup', async () => {
  await ends(0);
  const session = { paths: { backups: `${host.folder}/.installer/backups` }, product: { name: 'tiny' } };
  const all = await knownBackups(session as never, state());
  assert.deepEqual(
    all.map(({ entry: { kind, verified } }) => [kind, verified !== null]),
    [['backup', true]],
  );
});
