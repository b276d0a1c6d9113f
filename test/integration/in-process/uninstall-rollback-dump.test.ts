import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { apiServerDown, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** `uninstall` over a rollback that has taken the database away: the rollback's dump is the last one. */

let host: SimulatedHost;
let installed: World;
let cut: World;
let dump: { folder: string; path: string; sha256: string };

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1');
  installed = host.copy();
  cut = await cutAt('undo_helm_deploy:verified');
});
beforeEach(() => {
  host.become(cut);
  dump = dumpOfState();
});
after(() => host.close());

const dumpOfState = () => host.state()!.derived.pgDump as typeof dump;

async function cutAt(place: string): Promise<World> {
  host.become(installed);
  const ended = await host.run('rollback', signalAt(place, 'SIGINT').watch, { step: 'namespace' });
  assert.equal(ended.exitCode, 130, said(ended));
  return host.copy();
}

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error instanceof IvaapError ? (error.hint ?? '') : '');
const kept = (name = '') => join(host.root, 'last/backups', basename(dump.folder), name);

function assertKept(ended: Invocation, where: string): void {
  assert.equal(ended.exitCode, 0, `${where}: ${said(ended)}`);
  const path = kept(basename(dump.path));
  assert.match(readFileSync(path, 'utf8'), /Troll A-1/, where);
  assert.ok(existsSync(kept('restore.sh')) && existsSync(kept('globals.sql')), where);
  const record = JSON.parse(readFileSync(join(host.root, 'last/uninstall.json'), 'utf8'));
  assert.deepEqual([record.lastDump?.path, record.skippedBackup], [path, null], where);
  assert.ok(!existsSync(host.folder), where);
}

test('it is named, counted as the last dump, and kept, also with --delete-backups', async () => {
  for (const deleteBackups of [false, true]) {
    host.become(cut);
    const ended = await host.run('uninstall', undefined, { deleteBackups });
    assertKept(ended, String(deleteBackups));
    assert.equal(ended.result?.data.dump, kept(basename(dump.path)));
    assert.equal(ended.result?.data.dumpSha256, dump.sha256);
    const lines = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
    assert.ok(
      lines.some((line) => line.includes(dump.path)),
      lines.join('\n'),
    );
  }
});

test('with the cluster down it is named as the way that keeps it, and that way keeps it', async () => {
  const refused = await host.run('uninstall', apiServerDown);
  assert.equal(refused.exitCode, 3, said(refused));
  const [mend, then, out] = hintOf(refused).split('\n');
  assert.equal(mend, 'systemctl status k3s');
  assert.match(then ?? '', /^Then: .*uninstall/);
  assert.match(out ?? '', /with the dump of the unfinished rollback kept: .*--without-cluster$/);
  assertKept(await host.run('uninstall', apiServerDown, { withoutCluster: true }), 'without the cluster');
});

test('a rollback over a cluster that is down names the way on and the way out', async () => {
  const refused = await host.run('rollback', apiServerDown, { step: 'namespace' });
  assert.equal(refused.exitCode, 3, said(refused));
  const [mend, then, out, ...more] = hintOf(refused).split('\n');
  assert.equal(mend, 'systemctl status k3s');
  assert.match(then ?? '', /^Then: .*--rollback-to namespace/);
  assert.match(out ?? '', /^To remove the product from this host instead: .* uninstall$/);
  assert.deepEqual(more, []);
});

test('wherever the rollback was cut off, from its first removal on', async () => {
  for (const place of ['undo_helm_deploy:running', 'undo_postgres:verified', 'undo_secrets:verified']) {
    await cutAt(place);
    dump = dumpOfState();
    host.cluster.delete('Pod', 'db-0', namespace);
    if (host.cluster.get('StatefulSet', 'db', namespace) !== undefined) {
      // It starts the pod again: rows may have come since the dump.
      const refused = await host.run('uninstall');
      assert.equal(refused.exitCode, 3, said(refused));
      assert.match(said(refused), /no last dump can be taken/);
      host.cluster.delete('StatefulSet', 'db', namespace);
    }
    assertKept(await host.run('uninstall', undefined, { deleteBackups: true }), place);
  }
});

test('stopped anywhere, the same uninstall ends with it', async () => {
  const places = ['uninstall_record:running', 'uninstall_pg_backup:running', 'uninstall_backups:running'];
  for (const place of [...places, 'uninstall_backups:verified', 'uninstall_data:running']) {
    host.become(cut);
    const options = { deleteBackups: true };
    const stopped = await host.run('uninstall', signalAt(place, 'SIGINT').watch, options);
    assert.equal(stopped.exitCode, 130, `${place}: ${said(stopped)}`);
    assertKept(await host.run('uninstall', undefined, options), place);
  }
});

test('one that is not whole is refused by name before anything is removed', async () => {
  rmSync(join(dump.folder, 'globals.sql'));
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(said(refused), /the last dump .*, which the unfinished rollback took, is not whole/);
  assert.match(hintOf(refused), /--skip-backup/);
  assert.ok(existsSync(join(host.root, 'storage/PG_VERSION')));
});

test('that of an earlier rollback, before the install ran once more, is none', async () => {
  host.become(installed);
  assert.equal((await host.run('rollback', undefined, { step: 'helm_deploy' })).exitCode, 0);
  assert.equal((await host.run('install', undefined, { resume: true })).exitCode, 0);
  const again = signalAt('undo_helm_deploy:verified', 'SIGINT').watch;
  const stopped = await host.run('rollback', again, { step: 'postgres', skipBackup: true });
  assert.equal(stopped.exitCode, 130, said(stopped));
  const refused = await host.run('uninstall');
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(said(refused), /no last dump can be taken/);
});
