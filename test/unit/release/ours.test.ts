import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, Kubectl } from '../../../src/host/kubectl.ts';
import { foreignOf, makersOf, namespaceContents, volumeOwner } from '../../../src/release/ours.ts';
import { settledContents } from '../../../src/release/settled-contents.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const product = productSchema.parse(tinyProduct);
const { signal } = new AbortController();

type Metadata = Partial<KubeObject['metadata']>;
const object = (kind: string, name: string, metadata: Metadata = {}, more: object = {}): KubeObject => ({
  apiVersion: kind === 'StatefulSet' ? 'apps/v1' : 'v1',
  kind,
  metadata: { name, namespace: 'tiny', uid: `${kind} ${name}`, ...metadata },
  ...more,
});
const ours = { labels: { 'app.kubernetes.io/part-of': 'tiny', 'app.kubernetes.io/managed-by': 'tiny' } };
const helms = {
  annotations: { 'meta.helm.sh/release-name': 'tiny', 'meta.helm.sh/release-namespace': 'tiny' },
};
const ownedBy = (kind: string, name: string) => ({
  ownerReferences: [{ kind, name, uid: `${kind} ${name}` }],
});

test('what a label, an annotation or an owner proves is ours, and nothing else', () => {
  const claims = {
    spec: {
      selector: { matchLabels: { app: 'db' } },
      volumeClaimTemplates: [{ metadata: { name: 'cache' } }],
    },
  };
  const objects = [
    object('Secret', 'tiny-database', ours),
    object('StatefulSet', 'db', helms, claims),
    object('ControllerRevision', 'db-1', ownedBy('StatefulSet', 'db')),
    object('Pod', 'db-0', ownedBy('StatefulSet', 'db')),
    object('PersistentVolumeClaim', 'cache-db-0', { labels: { app: 'db', tier: 'cache' } }),
    // Made by hand for the StatefulSet: Kubernetes uses it and leaves it as it is.
    object('PersistentVolumeClaim', 'cache-db-1', { labels: { app: 'disks' } }),
    object('PersistentVolumeClaim', 'cache-db-backup'),
    object('Secret', 'sh.helm.release.v1.tiny.v1', { labels: { owner: 'helm', name: 'tiny' } }),
    object('Secret', 'sh.helm.release.v1.other.v1', { labels: { owner: 'helm', name: 'other' } }),
    object('Job', 'migrate', {
      annotations: { 'helm.sh/hook': 'pre-upgrade' },
      labels: { 'app.kubernetes.io/instance': 'tiny' },
    }),
    object('Service', 'server', helms),
    object('Endpoints', 'server'),
    object('Service', 'theirs', {
      annotations: { 'meta.helm.sh/release-name': 'tiny', 'meta.helm.sh/release-namespace': 'other' },
    }),
    object('Endpoints', 'theirs'),
    object('ServiceAccount', 'default'),
    object('ConfigMap', 'kube-root-ca.crt'),
    object('ConfigMap', 'dashboards', { managedFields: [{ manager: 'kubectl-create' }] } as Metadata),
    object('Pod', 'debug', ownedBy('Deployment', 'of another namespace')),
    // A label alone proves nothing.
    object('Secret', 'copied', { labels: { 'app.kubernetes.io/part-of': 'tiny' } }),
  ];
  const made = Object.fromEntries(
    makersOf(objects, product).map(({ kind, name, maker }) => [`${kind}/${name}`, maker]),
  );
  assert.deepEqual(made, {
    'Secret/tiny-database': 'installer',
    'StatefulSet/db': 'release',
    'ControllerRevision/db-1': 'cluster',
    'Pod/db-0': 'cluster',
    'PersistentVolumeClaim/cache-db-0': 'cluster',
    'PersistentVolumeClaim/cache-db-1': 'foreign',
    'PersistentVolumeClaim/cache-db-backup': 'foreign',
    'Secret/sh.helm.release.v1.tiny.v1': 'release',
    'Secret/sh.helm.release.v1.other.v1': 'foreign',
    'Job/migrate': 'release',
    'Service/server': 'release',
    'Endpoints/server': 'cluster',
    'Service/theirs': 'foreign',
    'Endpoints/theirs': 'foreign',
    'ServiceAccount/default': 'cluster',
    'ConfigMap/kube-root-ca.crt': 'cluster',
    'ConfigMap/dashboards': 'foreign',
    'Pod/debug': 'foreign',
    'Secret/copied': 'foreign',
  });
  const [first] = foreignOf({ ours: true, objects: makersOf([objects[16]!], product) });
  assert.deepEqual([first?.resource, first?.why], ['configmap/dashboards', 'made with kubectl-create']);
});

test('owners in a circle, and an object that two groups serve, are judged once', () => {
  const first = object('Foo', 'a', ownedBy('Foo', 'b'));
  const second = object('Foo', 'b', ownedBy('Foo', 'a'));
  assert.deepEqual(
    makersOf([first, second, first], product).map(({ maker }) => maker),
    ['foreign', 'foreign'],
  );
});

/** Answers as kubectl does. */
function kubectlWith(answers: {
  namespace?: KubeObject;
  kinds?: string;
  objects?: KubeObject[];
  volume?: KubeObject;
}): Kubectl {
  return {
    get: async (kind: string) => (kind === 'namespace' ? answers.namespace : answers.volume),
    run: async () => ({ stdout: answers.kinds ?? '' }),
    list: async () => answers.objects ?? [],
  } as unknown as Kubectl;
}

test('an answer that is cut is no empty namespace', async () => {
  const namespace = object('Namespace', 'tiny', ours);
  const cut = await namespaceContents(kubectlWith({ namespace, kinds: 'configmaps\npo' }), product, signal);
  assert.equal(cut.known, false);
  const kinds = 'configmaps\npersistentvolumeclaims\npods\nsecrets\nevents\n';
  const whole = await namespaceContents(kubectlWith({ namespace, kinds, objects: [] }), product, signal);
  assert.deepEqual(whole, { known: true, value: { ours: true, objects: [] } });
  const none = await namespaceContents(kubectlWith({}), product, signal);
  assert.deepEqual(none, { known: true, value: { ours: null, objects: [] } });
});

test('a volume says whose it is, for which claim, and where its data lie', async () => {
  const spec = { hostPath: { path: '/data/db' }, claimRef: { namespace: 'tiny', name: 'tiny-db' } };
  const volume = object('PersistentVolume', 'tiny-db', {}, { spec });
  assert.deepEqual(await volumeOwner(kubectlWith({ volume }), product, signal), {
    known: true,
    value: { name: 'tiny-db', ours: false, path: '/data/db', claim: 'tiny/tiny-db' },
  });
  assert.deepEqual(await volumeOwner(kubectlWith({}), product, signal), { known: true, value: null });
});

test('what is being deleted is nobody’s any more, and what its owner has left is known', () => {
  const leaving = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const found = makersOf(
    [
      object('Pod', 'server-1', { ...ownedBy('ReplicaSet', 'server'), ...leaving }),
      object('ReplicaSet', 'server', ownedBy('Deployment', 'server')),
      object('Endpoints', 'server'),
      object('Pod', 'psql'),
    ],
    product,
  );
  assert.deepEqual(
    found.map(({ name, maker, orphaned }) => [name, maker, orphaned]),
    [
      ['server-1', 'cluster', false],
      ['server', 'foreign', true],
      ['server', 'foreign', true],
      ['psql', 'foreign', false],
    ],
  );
});

test('contents are asked again until what a release has left is collected', async () => {
  const answers = [[object('ReplicaSet', 'server', ownedBy('Deployment', 'server'))], []];
  const kubectl = {
    get: async () => object('Namespace', 'tiny', ours),
    run: async () => ({ stdout: 'pods\nsecrets\npersistentvolumeclaims\n' }),
    list: async () => answers.shift() ?? assert.fail('asked once too often'),
  } as unknown as Kubectl;
  const contents = await settledContents(kubectl, product, signal);
  assert.ok(contents.known);
  assert.deepEqual(foreignOf(contents.value), []);
});
