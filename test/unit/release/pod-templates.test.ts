import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../../../src/host/kubectl.ts';
import { podTemplates } from '../../../src/release/pod-templates.ts';

const workload = (kind: string, image: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: image },
  spec: {
    template: {
      metadata: { labels: { app: 'db' } },
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

const asking = (image: string, spec: object): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { template: { spec: { containers: [{ name: 'web', image }], ...spec } } },
});

test('an image that is mounted is one of the pod’s', () => {
  const spec = {
    volumes: [
      { name: 'v', image: { reference: 'c:1' } },
      { name: 'w', emptyDir: {} },
    ],
  };
  assert.deepEqual(
    podTemplates([asking('a:1', spec)])[0]?.containers.map(({ image }) => image),
    ['a:1', 'c:1'],
  );
});
