import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError } from '../../../src/errors.ts';
import {
  type Invocation,
  noAnswers,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** The database on a volume that a StorageClass made: it has another name, and no label of this installer. */

let host: SimulatedHost;
let installed: World;
const volumeName = 'pvc-tiny-db';

before(async () => {
  host = await SimulatedHost.start();
  host.cluster.apply({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'kept' },
    provisioner: 'rancher.io/local-path',
    reclaimPolicy: 'Retain',
    parameters: { folder: join(host.root, 'provisioned') },
  });
  const license = join(host.root, 'license.json');
  const answers = { ...noAnswers, fqdn: 'tiny.example', license, storageClass: 'kept' };
  const ended = await host.run('install', undefined, answers);
  assert.equal(ended.exitCode, 0, said(ended));
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) =>
  error === undefined ? '' : [describeError(error).message, describeError(error).hint].join('\n');
const volume = () => host.cluster.get('PersistentVolume', volumeName);

test('a rollback says that the volume stays, and leaves it', async () => {
  const ended = await host.run('rollback', undefined, { step: 'postgres' });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(JSON.stringify(ended.shown), new RegExp(`the data: the volume ${volumeName} stays`));
  assert.equal(host.cluster.get('PersistentVolumeClaim', 'tiny-db', namespace), undefined);
  assert.notEqual(volume(), undefined);
});

test('a volume that would go with its claim stops the rollback before anything is removed', async () => {
  host.cluster.apply({
    ...volume()!,
    spec: { ...(volume()!['spec'] as object), persistentVolumeReclaimPolicy: 'Delete' },
  });
  const ended = await host.run('rollback', undefined, { step: 'postgres' });
  assert.equal(ended.exitCode, 3, said(ended));
  assert.match(said(ended), new RegExp(`the reclaim policy of the volume ${volumeName} is .*Delete`));
  assert.match(said(ended), new RegExp(`k3s kubectl patch pv ${volumeName} `));
  assert.notEqual(host.cluster.get('PersistentVolumeClaim', 'tiny-db', namespace), undefined);
});

test('a state that is lost is created again: the claim says who made the installation', async () => {
  rmSync(join(host.folder, '.installer/state.json'));
  const refused = await host.run('install');
  assert.equal(refused.exitCode, 3, said(refused));
  assert.match(said(refused), /this installer made the installation on this host[^]*repair-state/);
  assert.match(
    (describeError(refused.error).facts ?? []).join('\n'),
    new RegExp(`volume ${volumeName}: made by this installer`),
  );
  const repaired = await host.repair('install');
  assert.equal(repaired.result?.data.repaired, true, String(repaired.error));
  assert.equal(host.state()?.installed?.version, '2026.1');
  assert.equal(existsSync(join(host.root, 'storage')), false);
});

const withPolicy = (policy: string) =>
  host.cluster.apply({
    ...volume()!,
    spec: { ...(volume()!['spec'] as object), persistentVolumeReclaimPolicy: policy },
  });

test('an uninstall names the volume, its policy and what happens to it', async () => {
  for (const [policy, words] of [
    ['Retain', `stays: the volume ${volumeName} of the claim tiny-db, whose reclaim policy is .*Retain`],
    ['Delete', `goes with its claim, and the data with it: the volume ${volumeName} .*Delete.*patch pv`],
  ] as const) {
    host.become(installed);
    withPolicy(policy);
    const ended = await host.run('uninstall');
    assert.equal(ended.exitCode, 0, said(ended));
    assert.match(JSON.stringify(ended.shown), new RegExp(words));
  }
});

test('an uninstall that keeps the data refuses a volume that would go with its claim', async () => {
  withPolicy('Delete');
  const ended = await host.run('uninstall', undefined, { keepData: true });
  assert.equal(ended.exitCode, 3, said(ended));
  assert.match(said(ended), new RegExp(`the reclaim policy of the volume ${volumeName} is .*Delete`));
  assert.match(said(ended), new RegExp(`k3s kubectl patch pv ${volumeName} `));
  assert.notEqual(host.cluster.get('PersistentVolumeClaim', 'tiny-db', namespace), undefined);
});

test('a policy that is changed after the name was typed stops the uninstall before the claim goes', async () => {
  const releases = () => host.cluster.list('Secret', namespace, 'owner=helm').length;
  // Helm removes the claim where the chart has it.
  for (const [place, isDeployed] of [
    ['uninstall_release:running', true],
    ['uninstall_release:verified', false],
  ] as const) {
    host.become(installed);
    const ended = await host.run('uninstall', (event) => {
      if (event.kind === 'place' && event.place === place) withPolicy('Delete');
      return undefined;
    });
    assert.equal(ended.exitCode, 6, said(ended));
    assert.match(said(ended), new RegExp(`the volume ${volumeName} would now go with its claim`));
    assert.notEqual(host.cluster.get('PersistentVolumeClaim', 'tiny-db', namespace), undefined);
    assert.equal(releases() > 0, isDeployed, place);
    const shown = await host.run('uninstall');
    assert.equal(shown.exitCode, 0, said(shown));
    assert.match(JSON.stringify(shown.shown), /goes with its claim, and the data with it/);
  }
});
