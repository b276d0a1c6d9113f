import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { diffManifests, podChanges, type RenderedObject } from '../../../src/policy/manifest-diff.ts';

const objects = (text: string): RenderedObject[] =>
  parseAllDocuments(text).map((document) => document.toJS() as RenderedObject);

const backend = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: backend, labels: { app.kubernetes.io/version: '2026.1' } }
spec:
  replicas: 1
  strategy: { type: Recreate }
  selector: { matchLabels: { app: backend, tier: web } }
  template:
    spec:
      containers:
        - name: backend
          image: ivaap/backend:2026.1
          args: [a, b]
          env:
            - { name: UNITS, value: field }
            - { name: GONE, value: x }
          volumeMounts:
            - { name: data, mountPath: /a }
            - { name: data, mountPath: /b }
        - { name: sidecar, image: ivaap/sidecar:2026.1 }
`;
const diff = (before: string, after: string) => diffManifests(objects(before), objects(after), 'ivaap');

test('changed fields are named by the items’ names, with what was and what will be', () => {
  const after = backend
    .replaceAll('2026.1', '2026.2')
    .replace('[a, b]', '[a, b, c]')
    .replace('            - { name: GONE, value: x }\n', '            - { name: NEW, value: y }\n')
    .replace('mountPath: /b }', 'mountPath: /b, readOnly: true }');
  assert.deepEqual(diff(backend, after), {
    added: [],
    removed: [],
    changed: [
      {
        object: 'Deployment/backend',
        fields: [
          {
            path: 'spec.template.spec.containers[backend].image',
            from: 'ivaap/backend:2026.1',
            to: 'ivaap/backend:2026.2',
          },
          { path: 'spec.template.spec.containers[backend].args', from: ['a', 'b'], to: ['a', 'b', 'c'] },
          { path: 'spec.template.spec.containers[backend].env[GONE]', from: { name: 'GONE', value: 'x' } },
          { path: 'spec.template.spec.containers[backend].env[NEW]', to: { name: 'NEW', value: 'y' } },
          { path: 'spec.template.spec.containers[backend].volumeMounts[/b].readOnly', to: true },
          {
            path: 'spec.template.spec.containers[sidecar].image',
            from: 'ivaap/sidecar:2026.1',
            to: 'ivaap/sidecar:2026.2',
          },
          { path: 'metadata.labels[app.kubernetes.io/version]', from: '2026.1', to: '2026.2' },
        ],
      },
    ],
  });
});

test('order of keys and objects, nulls, status and what the server writes are no difference', () => {
  const same = `
apiVersion: v1
kind: Service
metadata: { namespace: ivaap, uid: abc, creationTimestamp: null, name: web }
status: { loadBalancer: {} }
spec: { ports: [{ port: 80, name: http }], selector: null }
---
${backend}`;
  const other = `${backend}
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ name: http, port: 80 }] }
`;
  assert.deepEqual(diff(same, other), { added: [], changed: [], removed: [] });
});

test('the order of named items alone is reported, since it makes new pods', () => {
  const [first = '', second = ''] = ['{ name: UNITS, value: field }', '{ name: GONE, value: x }'];
  const swapped = backend.replace(first, 'SWAP').replace(second, first).replace('SWAP', second);
  assert.deepEqual(diff(backend, swapped).changed[0]?.fields, [
    {
      path: 'spec.template.spec.containers[backend].env',
      from: ['UNITS', 'GONE'],
      to: ['GONE', 'UNITS'],
    },
  ]);
});

test('of a Secret only the changed keys are reported, never the values', () => {
  const secret = (name: string, key: string, value: string, type = 'Opaque') =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\ntype: ` +
    `${type}\nstringData: { ${key}: ${value}, same: kept-secret }\n`;
  const found = diff(
    secret('mail', 'password', 'old-secret'),
    secret('mail', 'password', 'new-secret', 'Other'),
  );
  assert.deepEqual(found.changed[0]?.fields, [
    { path: 'type', from: 'Opaque', to: 'Other' },
    { path: 'stringData.password', from: '(hidden)', to: '(hidden)' },
  ]);
  const whole = diff(
    'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { token: c2VjcmV0 }\n',
    'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { other: secret }\n',
  );
  assert.deepEqual(whole.changed[0]?.fields, [
    { path: 'data', from: { token: '(hidden)' }, to: undefined },
    { path: 'stringData', from: undefined, to: { other: '(hidden)' } },
  ]);
  assert.doesNotMatch(JSON.stringify([found, whole]), /secret|c2VjcmV0/);
});

test('objects that come and go, and one that Helm leaves in the cluster', () => {
  const object = (kind: string, name: string, more = '') =>
    `---\napiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}${more} }\n`;
  const keep = ', annotations: { helm.sh/resource-policy: keep }';
  const found = diff(
    object('ConfigMap', 'a') + object('ConfigMap', 'b', keep) + object('ConfigMap', 'same'),
    object('ConfigMap', 'same', ', namespace: ivaap') + object('ConfigMap', 'c', ', namespace: other'),
  );
  assert.deepEqual(found, {
    added: ['other/ConfigMap/c'],
    changed: [],
    removed: [
      { object: 'ConfigMap/a', kept: false },
      { object: 'ConfigMap/b', kept: true },
    ],
  });
});

test('another version of an API is the same object; another group is another', () => {
  const ingress = (api: string) => `apiVersion: ${api}\nkind: Ingress\nmetadata: { name: web }\n`;
  assert.deepEqual(diff(ingress('networking.k8s.io/v1beta1'), ingress('networking.k8s.io/v1')).changed, [
    {
      object: 'Ingress/web',
      fields: [{ path: 'apiVersion', from: 'networking.k8s.io/v1beta1', to: 'networking.k8s.io/v1' }],
    },
  ]);
  assert.deepEqual(diff(ingress('extensions/v1'), ingress('networking.k8s.io/v1')).added, ['Ingress/web']);
});

test('pods restart with their template, and start, stop or scale with their workload', () => {
  const named = (name: string) => backend.replace('name: backend,', `name: ${name},`);
  const pods = (before: string, after: string) => {
    const [old, next] = [objects(before), objects(after)];
    return podChanges(old, next, diffManifests(old, next, 'ivaap'), 'ivaap').map(
      ({ workload, how }) => `${workload} ${how}`,
    );
  };
  assert.deepEqual(pods(backend, backend.replace("version: '2026.1'", "version: '2026.2'")), []);
  assert.deepEqual(pods(backend, backend.replace('replicas: 1', 'replicas: 2')), [
    'Deployment/backend scale',
  ]);
  assert.deepEqual(pods(backend, backend.replace('value: field', 'value: metric')), [
    'Deployment/backend restart',
  ]);
  assert.deepEqual(pods(named('old'), named('new')), ['Deployment/new start', 'Deployment/old stop']);
  const old = objects(backend);
  const next = objects(backend.replace('value: field', 'value: metric'));
  assert.deepEqual(podChanges(old, next, diffManifests(old, next, 'ivaap'), 'ivaap'), [
    {
      workload: 'Deployment/backend',
      how: 'restart',
      strategy: 'Recreate',
      selector: 'app=backend,tier=web',
    },
  ]);
});
