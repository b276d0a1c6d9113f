import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError } from '../../../src/errors.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** What was on the host before the install stays known, whatever closes a run or starts it again. */

let host: SimulatedHost;
let prepared: World;
const labels = { team: 'wells' };
const storage = () => join(host.root, 'storage');

before(async () => {
  host = await SimulatedHost.start();
  mkdirSync(storage());
  chmodSync(storage(), 0o750);
  host.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  prepared = host.copy();
});
beforeEach(() => {
  host.use('install', 'none');
  host.become(prepared);
});
after(() => host.close());

const said = ({ error }: Invocation) => describeError(error).message;

function assertAsBefore(): void {
  assert.deepEqual([readdirSync(storage()), statSync(storage()).mode & 0o777], [[], 0o750]);
  assert.deepEqual(host.cluster.get('Namespace', namespace)?.metadata.labels, labels);
}

test('--reapply clears the derived keys of dump and snapshot, and nothing of the install', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const { volume, madeNamespace, namespaceLabels, entitlements, pgDump } = host.state()!.derived;
  assert.equal(madeNamespace, false);
  const cut = await host.run('upgrade', signalAt('upgrade_preflight:running', 'SIGINT').watch, {
    reapply: true,
  });
  assert.equal(cut.exitCode, 130, said(cut));
  const { derived } = host.state()!;
  assert.ok(pgDump !== undefined && derived.pgDump === undefined && derived.snapshot === undefined);
  assert.deepEqual(
    [derived.volume, derived.madeNamespace, derived.namespaceLabels, derived.entitlements],
    [volume, madeNamespace, namespaceLabels, entitlements],
  );
  const removed = await host.run('uninstall');
  assert.equal(removed.exitCode, 0, said(removed));
  assertAsBefore();
});

test('--supersede keeps how folder and namespace were, also where the closed run was cut off at them', async () => {
  for (const place of ['postgres:folder-made', 'chart:running']) {
    host.use('install', 'none');
    host.become(prepared);
    const cut = await host.run('install', signalAt(place, 'SIGINT').watch);
    assert.equal(cut.exitCode, 130, `${place}: ${said(cut)}`);
    host.useFileOf('install', 'upgrade');
    const ended = await host.run('install', undefined, { supersede: true });
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    const removed = await host.run('uninstall');
    assert.equal(removed.exitCode, 0, `${place}: ${said(removed)}`);
    assertAsBefore();
  }
});

test('what a superseded run has deployed is undone with the run that took over from it', async () => {
  const begun = await host.run('install', signalAt('helm_deploy:verified', 'SIGINT').watch);
  assert.equal(begun.exitCode, 130, said(begun));
  host.useFileOf('install', 'upgrade');
  const cut = await host.run('install', signalAt('chart:running', 'SIGINT').watch, { supersede: true });
  assert.equal(cut.exitCode, 130, said(cut));
  const rollback = () => host.run('rollback', undefined, { step: 'postgres' });
  const ended = await rollback();
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(ended.result?.data.undone, ['helm_deploy', 'chart', 'values', 'postgres']);
  assert.deepEqual(host.cluster.list('Deployment', namespace), []);
  const again = await rollback();
  assert.equal(again.exitCode, 10, said(again));
  assert.equal((await host.run('install')).exitCode, 0);
});
