import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { measured } from '../../fixtures/measured.ts';
import { changesRelease, helmProcess } from '../../../src/checks/helm-process.ts';
import { bootId } from '../../../src/host/system.ts';

const ours = { release: 'ivaap', namespace: 'wells' };

test('a Helm counts when it changes this release, under any name and path', () => {
  for (const line of [
    'helm upgrade ivaap ./chart',
    '/usr/local/bin/helm3 rollback ivaap 2 -n wells',
    '/opt/x/helm_v3 --namespace wells uninstall other',
    'helm install x y --namespace=wells',
  ]) {
    assert.ok(changesRelease(line.split(' '), ours), line);
  }
  for (const line of [
    'helm list -n wells',
    'helm upgrade traefik chart -n kube-system',
    'vim helm upgrade ivaap',
    'helmsman upgrade ivaap',
    '/bin/helm',
  ]) {
    assert.ok(!changesRelease(line.split(' '), ours), line);
  }
});

test('a Helm that our journal names is ours, one of the same pid and another start is not', async () => {
  const argv = ['helm', 'upgrade', 'ivaap'];
  const check = (journalled: object | undefined) =>
    measured(helmProcess, {
      product: ours,
      listProcesses: () => [{ pid: 7, startTime: 42, argv }],
      helmJournal: () => ({ process: journalled }),
    });
  assert.equal((await check({ pid: 7, startTime: 42, bootId: bootId() })).outcome, 'ok');
  for (const other of [
    undefined,
    { pid: 7, startTime: 41, bootId: bootId() },
    { pid: 7, startTime: 42, bootId: 'another boot' },
  ]) {
    const found = await check(other);
    assert.equal(found.outcome, 'fail');
    assert.match(asTold(found.measured), /process 7: helm upgrade ivaap/);
    assert.match(found.fix ?? '', /--pid=7/);
  }
});
