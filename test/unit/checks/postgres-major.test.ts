import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderedMajor } from '../../../src/checks/postgres-major.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';

const workload = (image: string, labels = { app: 'db' }): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: image },
  spec: {
    template: {
      metadata: { labels },
      spec: { initContainers: [{ name: 'first', image: 'init:1' }], containers: [{ name: 'db', image }] },
    },
  },
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

test('the rendered major is the release’s for an image of the payload, and the tag’s for another', () => {
  const of = (name: string, labels?: { app: string }) =>
    renderedMajor([workload(name, labels)], {
      product,
      index,
      release: { postgresMajor: 15 },
    } as unknown as Parameters<typeof renderedMajor>[1]).major;
  assert.equal(of('registry.example/db:2026.2'), 15);
  assert.equal(of('docker.io/library/postgres:17.2-alpine'), 17);
  assert.equal(of('registry.example:5000/postgres:latest'), undefined);
  assert.equal(of('registry.example/db:2026.2', { app: 'other' }), undefined);
});
