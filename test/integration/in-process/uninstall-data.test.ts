import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { apiServerDown, signalAt } from '../../fixtures/in-process-host/faults.ts';
import {
  type Flow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** What an uninstall may never lose: data whose dump is gone, that nothing dumped, or that are others'. */

let host: SimulatedHost;
let empty: World;
let installed: World;
let upgraded: World;
let rolledBack: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(storage('PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1');
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
  host.become(installed);
  const back = await host.run('rollback');
  assert.equal(back.exitCode, 0, said(back));
  rolledBack = host.copy();
});
beforeEach(() => host.become(installed));
afterEach(() => rmSync(join(host.root, 'fstab'), { force: true }));
after(() => host.close());

const storage = (name = '') => join(host.root, 'storage', name);
const last = (name = '') => join(host.root, 'last', name);
const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error instanceof IvaapError ? (error.hint ?? '') : '');
const aside = (folder = host.root) =>
  readdirSync(folder).filter((name) => name.startsWith('storage.removed-'));

const linesOf = ({ shown, result }: Invocation) => JSON.stringify([shown, result]);

/** The host as a kill at this place leaves it. */
async function killedAt(world: World, flow: Flow, place: string, options: object = {}): Promise<void> {
  host.become(world);
  let killed: World | undefined;
  const watch = (event: { kind: string; place?: string }) => {
    if (event.kind === 'place' && event.place === place) killed ??= host.copy();
    return undefined;
  };
  const ended = await host.run(flow, watch, options);
  assert.ok(killed, `${place}: ${said(ended)}`);
  host.become(killed);
}

/** Something that happens while a run is at a place. */
const at = (place: string, happens: () => void) => (event: { kind: string; place?: string }) => {
  if (event.kind === 'place' && event.place === place) happens();
  return undefined;
};

test('an uninstall that goes on deletes no data whose last dump is gone, unless it is told to', async () => {
  for (const place of ['uninstall_objects:running', 'uninstall_data:running']) {
    await killedAt(installed, 'uninstall', place);
    rmSync(last(), { recursive: true });
    const refused = await host.run('uninstall');
    assert.notEqual(refused.exitCode, 0, place);
    assert.match(said(refused), /the last dump .*tinydb\.sql is not whole/);
    assert.match(hintOf(refused), /--skip-backup/);
    assert.ok(existsSync(storage('PG_VERSION')), place);
    const ended = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(ended.exitCode, 0, said(ended));
    assert.ok(!existsSync(storage()));
  }
});

test('rows that came after its dump are dumped when an uninstall goes on, or nothing is deleted', async () => {
  const dumped = ['uninstall_pg_backup:dump-written', 'uninstall_pg_backup:verified'];
  for (const place of [...dumped, 'uninstall_release:running']) {
    await killedAt(installed, 'uninstall', place);
    host.cluster.state.database.rows.push('Gullfaks A-1');
    const served = host.copy();
    const ended = await host.run('uninstall');
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    assert.match(readFileSync(String(ended.result?.data.dump), 'utf8'), /Gullfaks A-1/, place);
    assert.ok(!existsSync(storage()), place);

    host.become(served);
    host.cluster.delete('Pod', 'db-0', namespace);
    const refused = await host.run('uninstall');
    assert.equal(refused.exitCode, 3, `${place}: ${said(refused)}`);
    assert.match(said(refused), /no (other|last) dump can be taken/, place);
    assert.match(hintOf(refused), /--skip-backup/, place);
    assert.ok(existsSync(storage('PG_VERSION')) && host.cluster.get('StatefulSet', 'db', namespace), place);
    const down = await host.run('uninstall', apiServerDown);
    assert.match(hintOf(down), /--without-cluster --skip-backup$/, place);
    const without = await host.run('uninstall', apiServerDown, { withoutCluster: true });
    assert.equal(without.exitCode, 3, `${place}: ${said(without)}`);
    assert.ok(existsSync(storage('PG_VERSION')), place);
    const agreed = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(agreed.exitCode, 0, `${place}: ${said(agreed)}`);
  }
});

test('a rollback names the uninstall that has begun, and an unknown step in any state', async () => {
  const unknown = { step: 'helm' };
  for (const place of [undefined, 'uninstall_keep:running', 'uninstall_objects:running']) {
    if (place === undefined) host.become(empty);
    else await killedAt(installed, 'uninstall', place, { keepData: true });
    const no = await host.run('rollback', undefined, unknown);
    assert.equal(no.exitCode, 2, `${place}: ${said(no)}`);
    assert.match(said(no), /helm is no step; an install has preflight, license, namespace/);
    if (place === undefined) continue;
    const ended = await host.run('rollback', undefined, { step: 'postgres' });
    assert.equal(ended.exitCode, 5, said(ended));
    assert.match(said(ended), /^an uninstall of 2026\.1 has begun on this host, and is not finished/);
    assert.match(hintOf(ended), / uninstall/);
  }
});

test('without the cluster a process that works in the data folder stops it first', async () => {
  const server = spawn('sleep', ['60'], { cwd: storage(), stdio: 'ignore' });
  try {
    await once(server, 'spawn');
    for (const dryRun of [true, false]) {
      const options = { withoutCluster: true, skipBackup: true, dryRun };
      const refused = await host.run('uninstall', undefined, options);
      assert.equal(refused.exitCode, 3, said(refused));
      assert.match(said(refused), /the process \d+ \(sleep\) still works in .*storage/);
      assert.match(hintOf(refused), /those of others too: .*k3s-killall\.sh; then: .*--without-cluster/);
      assert.ok(existsSync(join(host.folder, 'tiny.values.yaml')));
    }
  } finally {
    server.kill();
    await once(server, 'exit');
  }
});

test('a run without a dump says nothing for the dump of a later one', async () => {
  await killedAt(installed, 'uninstall', 'uninstall_record:verified', { skipBackup: true });
  await killedAt(host.copy(), 'uninstall', 'uninstall_release:running');
  host.cluster.state.database.rows.push('Gullfaks A-1');
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(readFileSync(String(ended.result?.data.dump), 'utf8'), /Gullfaks A-1/);
});

test('the record of kept data is used again when the Secrets are gone already', async () => {
  await killedAt(installed, 'uninstall', 'uninstall_objects:verified', { keepData: true });
  const kept = readFileSync(join(host.root, 'storage.kept.json'), 'utf8');
  rmSync(last('uninstall.json'));
  const ended = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(readFileSync(join(host.root, 'storage.kept.json'), 'utf8'), kept);
});

test('a data folder that is not there says nothing about the database', async () => {
  rmSync(storage(), { recursive: true });
  host.cluster.delete('Pod', 'db-0', namespace);
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(said(refused), /no last dump can be taken/);
  assert.match(hintOf(refused), /--skip-backup/);
  assert.ok(host.cluster.get('Secret', 'tiny-password', namespace));
});

test('it is refused while the disk of the data is not mounted', async () => {
  for (const point of [storage().replace(/\/$/, ''), host.root]) {
    writeFileSync(join(host.root, 'fstab'), `UUID=1 ${point} xfs defaults 0 0\n`);
    const refused = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(refused.exitCode, 3, said(refused));
    assert.match(said(refused), /is not mounted/);
    assert.match(hintOf(refused), /mount /);
  }
});

test('data that appear while it runs are not deleted without a dump', async () => {
  await killedAt(empty, 'install', 'load_images:running');
  const mounted = at('uninstall_objects:verified', () => writeFileSync(storage('PG_VERSION'), '15\n'));
  const stopped = await host.run('uninstall', mounted);
  assert.equal(stopped.exitCode, 6, said(stopped));
  assert.match(said(stopped), /no last dump/);
  assert.equal((await host.run('uninstall')).exitCode, 6, 'typed again');
  assert.ok(existsSync(storage('PG_VERSION')));
  const ended = await host.run('uninstall', undefined, { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('data that a rollback put aside are moved to what is kept; only --skip-backup deletes them', async () => {
  host.become(rolledBack);
  const [name = ''] = aside();
  mkdirSync(join(host.root, 'storage.removed-2020'));
  const moved = await host.run('uninstall');
  assert.equal(moved.exitCode, 0, said(moved));
  assert.equal(readFileSync(last(`${name}/PG_VERSION`), 'utf8'), '15\n');
  assert.deepEqual(aside(), ['storage.removed-2020'], 'a name that no rollback gives');
  const lines = moved.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.ok(
    lines.some((line) => line.includes(`${name}, `) && line.includes('moved')),
    lines.join('\n'),
  );

  host.become(rolledBack);
  const gone = await host.run('uninstall', undefined, { skipBackup: true });
  assert.equal(gone.exitCode, 0, said(gone));
  assert.deepEqual([aside(), aside(last())], [[], []]);
});

test('what a change of PostgreSQL has left beside the data is moved to what is kept', async () => {
  const names = ['storage.pg14-20260131T235959Z', 'storage.pg16-new'];
  for (const name of names) {
    mkdirSync(join(host.root, name));
    writeFileSync(join(host.root, name, 'PG_VERSION'), name);
  }
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  for (const name of names) {
    assert.ok(!existsSync(join(host.root, name)), name);
    assert.equal(readFileSync(last(`${name}/PG_VERSION`), 'utf8'), name);
  }
  assert.doesNotMatch(JSON.stringify(ended.shown), /did not write/);
});

test('files of others in the data folder are named, and moved to what is kept', async () => {
  const theirs = { 'notes.txt': 12345, 'theirs/a.sql': 0, 'own/deep.txt': 12345 };
  for (const [name, uid] of Object.entries(theirs)) {
    mkdirSync(join(storage(name), '..'), { recursive: true });
    writeFileSync(storage(name), name);
    chownSync(storage(name), uid, uid);
  }
  chownSync(storage('theirs'), 12345, 12345);
  const planned = await host.run('uninstall', undefined, { dryRun: true });
  for (const name of ['notes.txt', 'theirs', 'own/deep.txt'])
    assert.match(linesOf(planned), new RegExp(`moved to .*: .*${name}, which the database did not write`));
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(!existsSync(storage()));
  for (const name of Object.keys(theirs))
    assert.equal(readFileSync(last(`in-data-folder/${name}`), 'utf8'), name);
});

test('--keep-data after a rollback keeps what it put aside, with its passwords', async () => {
  host.become(rolledBack);
  const [name = ''] = aside();
  const ended = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(join(host.root, name, 'PG_VERSION')));
  const kept = JSON.parse(readFileSync(join(host.root, `${name}.kept.json`), 'utf8'));
  assert.deepEqual(Object.keys(kept.secrets), ['tiny-password', 'tiny-token']);
  const again = await host.run('install', undefined, { storagePath: join(host.root, name) });
  assert.equal(again.exitCode, 0, said(again));
});

test('a folder that an install refused as that of others stays', async () => {
  host.become(empty);
  const theirs = at('namespace:running', () => {
    mkdirSync(storage());
    writeFileSync(storage('theirs'), '1');
  });
  assert.notEqual((await host.run('install', theirs)).exitCode, 0);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(storage('theirs')));
});

test('what lies now where a rollback moved the data from stays', async () => {
  host.become(rolledBack);
  mkdirSync(storage());
  writeFileSync(storage('theirs'), '1');
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(storage('theirs')));
  assert.equal(aside(last()).length, 1);
});

test('the data of a volume that is not ours stay with it, and are named', async () => {
  const volume = host.cluster.get('PersistentVolume', 'tiny-db')!;
  volume.metadata.labels = {};
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(storage('PG_VERSION')));
  const left = (ended.result?.data.left ?? []) as { what: string }[];
  assert.ok(
    left.some(({ what }) => what.startsWith(storage().replace(/\/$/, ''))),
    JSON.stringify(left),
  );
});

test('backups lie where they were until there is no way back', async () => {
  await killedAt(upgraded, 'uninstall', 'uninstall_release:running');
  assert.equal(readdirSync(join(host.folder, '.installer/backups')).length, 1);
  assert.ok(!existsSync(last('backups')));
  const other = await host.run('install');
  assert.notEqual(other.exitCode, 6, said(other));
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(readdirSync(last('backups')).length, 1);
});

test('a namespace that was there before the install stays, without our labels', async () => {
  for (const undone of [false, true]) {
    host.become(empty);
    host.cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { team: 'wells' } },
    });
    const ended = undone
      ? await killedAt(host.copy(), 'install', 'helm_deploy:running')
      : await host.run('install');
    if (ended !== undefined) assert.equal(ended.exitCode, 0, said(ended));
    const removed = await host.run('uninstall');
    assert.equal(removed.exitCode, 0, said(removed));
    const keys = Object.keys(host.cluster.state.objects).filter((key) => key.includes(`/${namespace}`));
    assert.deepEqual(keys, [`Namespace/${namespace}`]);
    assert.deepEqual(host.cluster.get('Namespace', namespace)?.metadata.labels, { team: 'wells' });
  }
});

test('kept data are believed by what lies in the folder, and never by an older release without a schema', async () => {
  host.become(upgraded);
  assert.equal((await host.run('uninstall', undefined, { keepData: true })).exitCode, 0);
  const record = join(host.root, 'storage.kept.json');
  const kept = readFileSync(record, 'utf8');
  writeFileSync(record, kept.replace('"schemaVersion": 2', '"schemaVersion": null'));
  const older = await host.run('install');
  assert.equal(older.exitCode, 5, said(older));
  assert.match(said(older), /written by 2026\.2/);
  writeFileSync(record, kept.replace('"schemaVersion": 2', '"schemaVersion": 1'));
  writeFileSync(storage('PG_VERSION'), '14\n');
  const other = await host.run('install');
  assert.equal(other.exitCode, 5, said(other));
  assert.match(said(other), /PostgreSQL 14/);
});

test('an uninstall that goes on takes no other folder, and makes its own again at its very end', async () => {
  await killedAt(installed, 'uninstall', 'uninstall_objects:running');
  const other = await host.run('uninstall', undefined, { dumpTo: join(host.root, 'elsewhere') });
  assert.equal(other.exitCode, 2, said(other));
  assert.match(hintOf(other), /--dump-to .*\/last/);
  let completed: World | undefined;
  await host.run('uninstall', () => {
    if (host.state()?.run?.status === 'completed') completed ??= host.copy();
    return undefined;
  });
  host.become(completed!);
  rmSync(last(), { recursive: true, force: true });
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(last('uninstall.json')));
});

test('what is kept goes to no other disk than the one it began on', async () => {
  const fstab = join(host.root, 'fstab');
  writeFileSync(fstab, `UUID=1 ${last().replace(/\/$/, '')} xfs defaults 0 0\n`);
  const first = await host.run('uninstall');
  assert.equal(first.exitCode, 3, said(first));
  assert.match(said(first), /what is kept goes, is not mounted: \/etc\/fstab mounts it at .*\/last$/);
  rmSync(fstab);

  for (const place of ['uninstall_pg_backup:running', 'uninstall_data:running']) {
    await killedAt(installed, 'uninstall', place);
    rmSync(last(), { recursive: true });
    writeFileSync(fstab, `UUID=1 ${last().replace(/\/$/, '')} xfs defaults 0 0\n`);
    const told = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(told.exitCode, 3, said(told));
    assert.match(hintOf(told), /^mount .*\/last\n/);
    rmSync(fstab);

    const state = join(host.folder, '.installer/state.json');
    const text = readFileSync(state, 'utf8');
    assert.match(text, /"dumpMount": "\//);
    writeFileSync(state, text.replaceAll(/"dumpMount": "[^"]*"/g, '"dumpMount": "/mnt/backup"'));
    const recorded = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(recorded.exitCode, 3, said(recorded));
    assert.match(said(recorded), /when this uninstall began it was at \/mnt\/backup/);
    assert.ok(!existsSync(last()) && existsSync(storage('PG_VERSION')), place);
    assert.match(hintOf(recorded), /mount \/mnt\/backup; .*\n.* mkdir -p -m 700 .*\/last; /);
    mkdirSync(last(), { mode: 0o700 });
    const ended = await host.run('uninstall', undefined, { skipBackup: true });
    assert.equal(ended.exitCode, 0, said(ended));
  }
});

test('a claim of a StatefulSet is shown and goes, also when Helm has taken the StatefulSet away', async () => {
  const set = host.cluster.get('StatefulSet', 'db', namespace)!;
  set.spec = {
    ...(set.spec as object),
    selector: { matchLabels: { app: 'db' } },
    volumeClaimTemplates: [{ metadata: { name: 'index' } }],
  };
  const claimOf = (name: string, labels: Record<string, string>) =>
    host.cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace, labels },
    });
  claimOf('index-db-0', { app: 'db' });
  const world = host.copy();
  const undone = await host.run('rollback', undefined, { dryRun: true });
  assert.match(JSON.stringify(undone), /the claim index-db-0 with its data/);
  host.become(world);
  await killedAt(world, 'uninstall', 'uninstall_release:verified');
  const left = host.cluster.get('PersistentVolumeClaim', 'index-db-0', namespace);
  assert.ok(left !== undefined && host.cluster.get('StatefulSet', 'db', namespace) === undefined);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(ended.result?.data.left, []);
  assert.equal(host.cluster.get('Namespace', namespace), undefined);

  host.become(world);
  const spec = { containers: [], volumes: [{ persistentVolumeClaim: { claimName: 'index-db-0' } }] };
  host.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'reader', namespace }, spec });
  const used = await host.run('uninstall');
  assert.equal(used.exitCode, 3, said(used));
  assert.match(said(used), /pod\/reader .* uses the claim index-db-0/);

  host.become(world);
  claimOf('index-db-1', { app: 'disks' });
  const shown = await host.run('uninstall');
  const lines = shown.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.ok(
    lines.some((line) => /the claims .*index-db-0/.test(line) && !line.includes('index-db-1')),
    lines.join('\n'),
  );
  assert.ok(host.cluster.get('PersistentVolumeClaim', 'index-db-1', namespace), 'made by hand');
});

test('a link in the place of the data folder is not followed: what it leads to stays and is named', async () => {
  const folder = storage().replace(/\/$/, '');
  const moved = join(host.root, 'moved');
  renameSync(folder, moved);
  symlinkSync(moved, folder);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(existsSync(join(moved, 'PG_VERSION')));
  assert.match(JSON.stringify(ended.result?.data.left), /moved, where the link .*\/storage leads to/);
  const lines = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.ok(
    lines.some((line) => /^ +data .*: they stay where they are$/.test(line)),
    lines.join('\n'),
  );
});

test('where the volume leads to another folder than the state records, none of both is deleted', async () => {
  const moved = join(host.root, 'moved');
  mkdirSync(moved);
  writeFileSync(join(moved, 'PG_VERSION'), '15\n');
  const volume = host.cluster.get('PersistentVolume', 'tiny-db')!;
  volume.spec = { ...(volume.spec as object), hostPath: { path: moved } };
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(said(refused), /only the data in .*\/moved would be dumped/);
  const folder = storage().replace(/\/$/, '');
  assert.ok(hintOf(refused).includes(`mv ${folder} ${folder}.kept; then: `), hintOf(refused));
  renameSync(folder, `${folder}.kept`);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(!existsSync(moved) && existsSync(`${folder}.kept/PG_VERSION`));
});

test('the record names no dump of an earlier uninstall', async () => {
  const stopped = await host.run('uninstall', signalAt('uninstall_pg_backup:verified', 'SIGTERM').watch);
  assert.equal(stopped.exitCode, 143, said(stopped));
  const other = await host.run('upgrade');
  assert.equal(other.exitCode, 0, said(other));
  const second = join(host.root, 'last/second');
  const ended = await host.run('uninstall', undefined, { skipBackup: true, dumpTo: second });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(JSON.parse(readFileSync(join(second, 'uninstall.json'), 'utf8')).lastDump, null);
});

test('definitions that the cluster does not tell of are not said to be none', async () => {
  const ended = await host.run('uninstall', undefined, {
    withoutCluster: true,
    skipBackup: true,
    dryRun: true,
  });
  assert.match(JSON.stringify(ended), /custom resource definitions.*not known/);
});

test('a cluster that goes away for good in the middle costs no data that are dumped or kept', async () => {
  for (const keepData of [false, true]) {
    await killedAt(installed, 'uninstall', 'uninstall_objects:running', { keepData });
    const refused = await host.run('uninstall', apiServerDown, { keepData });
    assert.equal(refused.exitCode, 3, said(refused));
    assert.match(hintOf(refused), /To remove the rest .*--without-cluster/);
    assert.doesNotMatch(hintOf(refused), /--skip-backup/);
    rmSync(last('uninstall.json'));
    const ended = await host.run('uninstall', apiServerDown, { keepData, withoutCluster: true });
    assert.equal(ended.exitCode, 0, said(ended));
    assert.equal(existsSync(storage('PG_VERSION')), keepData);
    assert.equal(existsSync(join(host.root, 'storage.kept.json')), keepData);
    const left = (ended.result?.data.left ?? []) as { what: string }[];
    assert.ok(
      left.some(({ what }) => what.startsWith(`namespace/${namespace}`)),
      JSON.stringify(left),
    );
  }
});

test('--keep-data with a dead cluster is not sent in a circle', async () => {
  const refused = await host.run('uninstall', apiServerDown, { keepData: true });
  assert.equal(refused.exitCode, 3, said(refused));
  const [, then, out, ...more] = hintOf(refused).split('\n');
  assert.match(then ?? '', /^Then: .* --keep-data/);
  // Without the cluster no data can be kept: that way must not ask for it.
  assert.match(out ?? '', /--without-cluster/);
  assert.doesNotMatch(out ?? '', /--keep-data/);
  assert.deepEqual(more, []);
});

test('a database that the last dump does not hold is deleted only when that is said', async () => {
  for (const [other, words] of [
    ['tinydb_moved_20260131T235959_1', /moved aside by a restore: tinydb_moved_20260131T235959_1/],
    ['notes', /other databases of the same server: notes/],
  ] as const) {
    host.become(installed);
    host.cluster.state.database.beside = { [other]: { text: '', comment: '' } };
    const refused = await host.run('uninstall');
    assert.equal(refused.exitCode, 3, said(refused));
    assert.match(said(refused), words);
    assert.match(hintOf(refused), /^to keep the data: .*--keep-data\n/);
    assert.equal(/restore --discard/.test(hintOf(refused)), other !== 'notes');
    assert.ok(existsSync(storage('PG_VERSION')));
    const shown = await host.run('uninstall', undefined, { skipBackup: true, dryRun: true });
    assert.match(JSON.stringify(shown), new RegExp(`deleted with the data, not dumped, .*${other}`));
    const ended = await host.run('uninstall', undefined, { keepData: true });
    assert.equal(ended.exitCode, 0, said(ended));
    assert.ok(existsSync(storage('PG_VERSION')));
  }
  host.become(installed);
  // Copies that a killed run has left are of the same rows.
  host.cluster.state.database.beside = { tinydb_verify_20260131T235959_1: { text: '', comment: '' } };
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
});

test('what others have put among the backups is named and kept, whatever goes', async () => {
  host.become(upgraded);
  const backups = join(host.folder, '.installer/backups');
  mkdirSync(join(backups, 'mine'));
  writeFileSync(join(backups, 'mine/notes.txt'), 'mine');
  const count = readdirSync(backups).length - 1;
  const shown = await host.run('uninstall', undefined, { deleteBackups: true, dryRun: true });
  const { steps, notes } = shown.result!.data as { steps: { summary: string }[]; notes: string[] };
  assert.ok(
    steps.some(({ summary }) => summary.includes(`delete ${count} backup`)),
    JSON.stringify(steps),
  );
  assert.deepEqual(notes, [`no backup of ours, moved to ${join(host.root, 'last')}: mine`]);
  const ended = await host.run('uninstall', undefined, { deleteBackups: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(readdirSync(last('backups')), ['mine']);
});
