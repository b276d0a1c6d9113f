import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { measured } from '../../fixtures/measured.ts';
import { images } from '../../../src/checks/images.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';

const workload = (image: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: image },
  spec: {
    template: {
      metadata: { labels: { app: 'db' } },
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

test('an image that is not in the payload must be in containerd and pinned', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const check = (name: string, pinned?: boolean, repoDigests: string[] = []) =>
    measured(images, {
      index,
      rendered: async () => [workload(name)],
      product,
      entitlements: [],
      paths: { values: '/v' },
      containerd: {
        runtimeImages: async () =>
          pinned === undefined
            ? []
            : [{ id: 'x', repoTags: repoDigests.length > 0 ? [] : [name], repoDigests, pinned }],
      },
    });
  assert.equal((await check('registry.example/db:2026.2')).outcome, 'ok');
  assert.equal((await check('registry.example/other:1', true)).outcome, 'ok');
  assert.equal((await check('registry.example/other:1', false)).outcome, 'fail');
  const byDigest = `registry.example/other@${digest}`;
  assert.equal((await check(`registry.example/other:1@${digest}`, true, [byDigest])).outcome, 'ok');
  assert.equal((await check(`registry.example/other:1@${digest}`, true)).outcome, 'fail');
  const absent = await check('registry.example/other:1');
  assert.equal(absent.outcome, 'fail');
  assert.match(asTold(absent.measured), /registry\.example\/other:1 of Deployment\/\S+ is neither/);
});
