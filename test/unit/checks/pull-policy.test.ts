import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { measured } from '../../fixtures/measured.ts';
import { pullPolicy } from '../../../src/checks/pull-policy.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';

const asking = (image: string, more: object = {}, spec: object = {}): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { template: { spec: { containers: [{ name: 'web', image, ...more }], ...spec } } },
});

const found = (manifest: Manifest, trials: object[] = []) =>
  measured(pullPolicy, {
    rendered: async () => [manifest],
    podTrials: async () => trials,
    values: { path: '/v.yaml' },
  });

test('an image that is pulled at each start fails, by its policy and by Kubernetes’ default', async () => {
  const outcome = async (manifest: Manifest) => (await found(manifest)).outcome;
  const rows: [Manifest, 'ok' | 'fail'][] = [
    [asking('acme.example/web:1'), 'ok'],
    [asking('acme.example/web:1', { imagePullPolicy: 'Always' }), 'fail'],
    [asking('acme.example/web:latest'), 'fail'],
    [asking('acme.example/web'), 'fail'],
    [asking('acme.example:5000/web'), 'fail'],
    [asking('acme.example/web:latest', { imagePullPolicy: 'IfNotPresent' }), 'ok'],
    [asking('acme.example/web', { imagePullPolicy: 'Never' }), 'ok'],
    [asking(`acme.example/web@sha256:${'a'.repeat(64)}`), 'ok'],
    [asking(`acme.example/web:1@sha256:${'a'.repeat(64)}`), 'ok'],
    // The API server reads the tag, whether or not a digest follows.
    [asking(`acme.example/web:latest@sha256:${'a'.repeat(64)}`), 'fail'],
    [
      asking(
        'a:1',
        {},
        { volumes: [{ name: 'v', image: { reference: `c:latest@sha256:${'a'.repeat(64)}` } }] },
      ),
      'fail',
    ],
    [
      asking('a:1', {}, { initContainers: [{ name: 'first', image: 'b:1', imagePullPolicy: 'Always' }] }),
      'fail',
    ],
    [
      asking('a:1', {}, { volumes: [{ name: 'v', image: { reference: 'c:1', pullPolicy: 'Always' } }] }),
      'fail',
    ],
    [asking('a:1', {}, { volumes: [{ name: 'v', image: { reference: 'c:1' } }] }), 'ok'],
    [asking('Acme:1'), 'ok'],
  ];
  for (const [manifest, expected] of rows) {
    assert.equal(await outcome(manifest), expected, JSON.stringify(manifest.spec));
  }
  const { fix, measured } = asTold(await found(asking('a:latest')));
  assert.match(measured, /^Deployment\/web: web pulls a:latest/);
  assert.match(fix ?? '', /^\$\{EDITOR:-vi\} \/v\.yaml/);
});

test('what admission makes of a pod counts more than its template', async () => {
  const pod = {
    metadata: { name: 'x' },
    spec: { containers: [{ name: 'web', image: 'a:1', imagePullPolicy: 'Always' }] },
  };
  const trial = { workload: 'Deployment/web', namespace: 'n', owner: 'release', pod };
  assert.equal((await found(asking('a:1'), [trial])).outcome, 'fail');
});
