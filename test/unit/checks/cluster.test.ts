import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';
import type { Pod } from '../../../src/host/pods.ts';
import { renderedMajor } from '../../../src/checks/database.ts';
import type { CheckContext, HostFacts } from '../../../src/checks/facts.ts';
import type { Claim, NodeObject } from '../../../src/release/cluster-objects.ts';
import { checkNodeReady, checkPressure } from '../../../src/checks/node.ts';
import { checkImages } from '../../../src/checks/images.ts';
import { podTemplates } from '../../../src/release/pod-templates.ts';
import { judgeClaims, judgePods } from '../../../src/checks/workloads.ts';

/** What checks make of what the cluster says. */

function pod(name: string, ready: boolean, reason?: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'main',
          image: '',
          imageID: '',
          ready,
          restartCount: 9,
          ...(reason === undefined ? {} : { state: { waiting: { reason } } }),
        },
      ],
    },
  };
}

test('a pod in a crash loop or without its image fails with its name, one that only starts is a warning', () => {
  assert.equal(judgePods([pod('a', true)], 'wells').outcome, 'ok');
  for (const reason of ['CrashLoopBackOff', 'ImagePullBackOff', 'CreateContainerConfigError']) {
    const found = judgePods([pod('a', true), pod('b', false, reason)], 'wells');
    assert.equal(found.outcome, 'fail');
    assert.match(found.measured, new RegExp(`^b \\(main: ${reason}\\)$`));
    assert.equal(found.fix, 'k3s kubectl describe pod -n wells b');
  }
  assert.equal(judgePods([pod('b', false, 'ContainerCreating')], 'wells').outcome, 'warn');
  const ending = pod('old', false, 'CrashLoopBackOff');
  ending.metadata.deletionTimestamp = '2026-11-22T12:00:00Z';
  assert.equal(judgePods([pod('a', true), ending], 'wells').outcome, 'ok');
});

test('a crash loop is seen between its waits, too: when a container has just ended, or runs for a moment', () => {
  const seen = (restartCount: number, states: object, ready = false) => {
    const looping = pod('b', ready);
    Object.assign(looping.status.containerStatuses?.[0] ?? {}, { restartCount, ...states });
    return judgePods([looping], 'wells').outcome;
  };
  const ended = { terminated: { exitCode: 1 } };
  assert.equal(seen(1, { state: ended }), 'fail');
  assert.equal(seen(3, { state: {}, lastState: ended }), 'fail');
  assert.equal(seen(1, { state: {}, lastState: ended }), 'warn', 'restarted once, as by a reboot');
  assert.equal(seen(9, { state: {}, lastState: ended }, true), 'ok', 'it has recovered');
  assert.equal(seen(9, { state: {}, lastState: { terminated: { exitCode: 0 } } }), 'warn');
});

test('a claim that is not bound or not there fails', () => {
  const claim = (name: string, phase: string): Claim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    status: { phase },
  });
  assert.equal(judgeClaims([claim('data', 'Bound')], 'data', 'wells').outcome, 'ok');
  assert.match(judgeClaims([claim('data', 'Lost')], 'data', 'wells').measured, /data is Lost/);
  assert.match(judgeClaims([claim('other', 'Bound')], 'data', 'wells').measured, /data is missing/);
});

function node(conditions: Record<string, string>): HostFacts {
  const one = {
    metadata: { name: 'n1' },
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  } as NodeObject;
  return { cluster: async () => ({ nodes: [one], pods: [], claims: [] }) } as unknown as HostFacts;
}

test('a node that is not ready, or under pressure, fails by its name', async () => {
  assert.equal((await checkNodeReady(node({ Ready: 'True' }))).outcome, 'ok');
  for (const conditions of [{ Ready: 'False' }, { Ready: 'Unknown' }, {}]) {
    const found = await checkNodeReady(node(conditions as Record<string, string>));
    assert.deepEqual([found.outcome, found.fix], ['fail', 'k3s kubectl describe node n1']);
  }
  assert.equal((await checkPressure(node({ DiskPressure: 'False' }))).outcome, 'ok');
  assert.match((await checkPressure(node({ DiskPressure: 'True' }))).measured, /n1: DiskPressure/);
});

const workload = (kind: string, image: string, labels = { app: 'db' }): Manifest => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: image },
  spec: {
    template: {
      metadata: { labels },
      spec: { initContainers: [{ name: 'first', image: 'init:1' }], containers: [{ name: 'db', image }] },
    },
  },
});

test('images are found in every kind that holds pods, init containers and jobs of cron jobs included', () => {
  const cron: Manifest = {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'c' },
    spec: { jobTemplate: workload('Job', 'registry.example/cron:1') },
  };
  const found = podTemplates([workload('StatefulSet', 'registry.example/db:1'), cron]);
  assert.deepEqual(
    found.map(({ object, containers }) => [object, containers.map(({ image }) => image)]),
    [
      ['StatefulSet/registry.example/db:1', ['init:1', 'registry.example/db:1']],
      ['CronJob/c', ['init:1', 'registry.example/cron:1']],
    ],
  );
});

const image = (reference: string) => ({ reference });
const product = {
  archives: { core: 'core.tar.gz' },
  entitlements: {},
  database: { selector: 'app=db', container: 'db' },
};
const index = {
  images: [image('registry.example/db:2026.2'), image('init:1')],
  archives: [{ name: 'core.tar.gz', images: ['registry.example/db:2026.2', 'init:1'] }],
};

test('an image that is not in the payload must be in containerd and pinned', async () => {
  const check = (name: string, pinned?: boolean) =>
    checkImages(
      {
        index,
        product,
        entitlements: [],
        paths: { values: '/v' },
        containerd: {
          runtimeImages: async () =>
            pinned === undefined ? [] : [{ id: 'x', repoTags: [name], repoDigests: [], pinned }],
        },
      } as unknown as CheckContext,
      [workload('Deployment', name)],
    );
  assert.equal((await check('registry.example/db:2026.2')).outcome, 'ok');
  assert.equal((await check('registry.example/other:1', true)).outcome, 'ok');
  assert.equal((await check('registry.example/other:1', false)).outcome, 'fail');
  const absent = await check('registry.example/other:1');
  assert.equal(absent.outcome, 'fail');
  assert.match(asTold(absent.measured), /registry\.example\/other:1 of Deployment\/\S+ is neither/);
});

test('the rendered major is the release’s for an image of the payload, and the tag’s for another', () => {
  const of = (name: string, labels?: { app: string }) =>
    renderedMajor([workload('StatefulSet', name, labels)], {
      product,
      index,
      release: { postgresMajor: 15 },
    } as unknown as CheckContext).major;
  assert.equal(of('registry.example/db:2026.2'), 15);
  assert.equal(of('docker.io/library/postgres:17.2-alpine'), 17);
  assert.equal(of('registry.example:5000/postgres:latest'), undefined);
  assert.equal(of('registry.example/db:2026.2', { app: 'other' }), undefined);
});
