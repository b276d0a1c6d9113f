import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextServerPod } from '../../../src/policy/next-server-pod.ts';
import type { PodSpec } from '../../../src/policy/rehearsal-pod.ts';

const template: PodSpec = {
  serviceAccountName: 'db',
  terminationGracePeriodSeconds: 30,
  securityContext: { runAsUser: 999 },
  containers: [
    {
      name: 'db',
      image: 'registry.example/db:2',
      env: [{ name: 'CONFIG', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }],
      resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
      startupProbe: { exec: { command: ['pg_isready'] } },
    } as PodSpec['containers'][number],
  ],
  volumes: [
    { name: 'data', persistentVolumeClaim: { claimName: 'db-data' } },
    { name: 'other', persistentVolumeClaim: { claimName: 'exports' } },
    { name: 'password', secret: { secretName: 'db-password' } },
  ],
};
const beside = {
  claim: 'db-data',
  folder: '/data/db.pg17-new',
  renamed: ({ kind, name }: { kind: string; name: string }) => (kind === 'ConfigMap' ? `next-${name}` : name),
};

test('the new server works in the new folder alone, and reads the settings of its own chart', () => {
  const pod = nextServerPod(template, beside);
  assert.deepEqual(pod?.volumes, [
    { name: 'data', hostPath: { path: '/data/db.pg17-new', type: 'Directory' } },
    { name: 'other', emptyDir: {} },
    { name: 'password', secret: { secretName: 'db-password' } },
  ]);
  const [container] = pod?.containers ?? [];
  assert.deepEqual(container?.env, [
    { name: 'CONFIG', valueFrom: { configMapKeyRef: { name: 'next-settings', key: 'a' } } },
  ]);
  assert.deepEqual(container?.resources, {
    requests: { cpu: '1m', memory: '1Mi' },
    limits: { memory: '2Gi' },
  });
  assert.equal(container?.['startupProbe'] === undefined, false);
  assert.equal(pod?.['serviceAccountName'], undefined);
  assert.equal(pod?.['terminationGracePeriodSeconds'], 600);
  assert.equal(JSON.stringify(template).includes('db.pg17'), false, 'the template is not changed');
});

test('a chart whose database does not mount the claim has no such pod', () => {
  assert.equal(nextServerPod(template, { ...beside, claim: 'another' }), undefined);
});
