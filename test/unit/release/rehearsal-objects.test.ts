import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import type { KubeObject, Kubectl, Manifest } from '../../../src/host/kubectl.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { foreignObjects, rehearsalObjects } from '../../../src/release/rehearsal-objects.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const login = { user: 'tiny', secret: { name: 'tiny-password', key: 'password' } };
const product = productSchema.parse({
  ...tinyProduct,
  values: {
    ...tinyProduct.values,
    autoMigrate: {
      path: ['migrate'],
      on: 'on',
      off: 'off',
      workload: 'server',
      restartSelector: 'app=server',
    },
  },
  database: { ...tinyProduct.database, login },
  rehearsal: { database: { env: 'DB' }, user: { env: 'DB_USER' }, password: { env: 'DB_PASSWORD' } },
});
const name = 'tinydb_rehearsal_20260131T235959_1';
const encode = (text: string) => Buffer.from(text).toString('base64');

type Env = { name: string; value?: string; valueFrom?: object }[];
const usual: Env = [{ name: 'DB', value: 'tinydb' }];

const server = (env: Env, more: object = {}): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'server' },
  spec: {
    replicas: 3,
    template: {
      metadata: { labels: { app: 'server' } },
      spec: { containers: [{ name: 'server', image: 'a', env, ...more }] },
    },
  },
});
const secret = (of: string, data: Record<string, string>) =>
  ({ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { name: of }, data }) as Manifest;
const service = (selector: object) =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'all' }, spec: { selector } }) as Manifest;

/** The objects, where the cluster has `live`. */
function objects(rendered: readonly Manifest[], live: readonly Manifest[] = []): Promise<Manifest[]> {
  const kubectl = {
    get: (kind: string, of: string) =>
      Promise.resolve(live.find((one) => one.kind.toLowerCase() === kind && one.metadata.name === of)),
    list: () => Promise.resolve(live.filter(({ kind }) => kind === 'Service')),
  } as unknown as Kubectl;
  return rehearsalObjects(
    kubectl,
    {
      product,
      rendered,
      told: { rehearsal: product.rehearsal!, name, secret: { name: 'tiny-rehearsal', key: 'password' } },
      password: 'of the role',
      live: { name: 'tinydb', password: 'of the product' },
      timeoutSeconds: 60,
    },
    AbortSignal.timeout(10_000),
  );
}

const labels = {
  'app.kubernetes.io/part-of': 'tiny',
  'app.kubernetes.io/managed-by': 'tiny',
  'app.kubernetes.io/component': 'rehearsal',
};

test('a Secret of its own, copies of what the pod reads, and the Job, all with our labels', async () => {
  const from = {
    envFrom: [{ secretRef: { name: 'mail' } }, { secretRef: { name: 'none', optional: true } }],
  };
  const made = await objects([server(usual, from)], [secret('mail', { user: encode('me') })]);
  assert.deepEqual(
    made.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ['Secret/tiny-rehearsal', 'Secret/tiny-rehearsal-mail', 'Job/tiny-rehearsal'],
  );
  for (const { metadata } of made) assert.deepEqual(metadata['labels'], labels);
  assert.deepEqual(made[1]?.['data'], { user: encode('me') });
  const { spec } = made[2] as Manifest & { spec: { backoffLimit: number; template: { metadata: object } } };
  assert.equal(spec.backoffLimit, 0);
  assert.deepEqual(spec.template.metadata, { labels });
});

test('what the new chart renders comes before what is in the cluster', async () => {
  const from = { envFrom: [{ secretRef: { name: 'mail' } }] };
  const rendered = { ...secret('mail', {}), stringData: { user: 'new' } };
  const made = await objects([server(usual, from), rendered], [secret('mail', { user: encode('old') })]);
  assert.deepEqual(made[1]?.['data'], { user: encode('new') });
});

const refused: [what: string, rendered: Manifest[], live: Manifest[], message: RegExp][] = [
  [
    'an override that names another variable',
    [server([{ name: 'DATABASE', value: 'tinydb' }])],
    [],
    /\(its name, in the variable DATABASE\)/,
  ],
  [
    'the Secret of the live database',
    [server([{ name: 'PW', valueFrom: { secretKeyRef: { name: 'tiny-password', key: 'password' } } }])],
    [],
    /\(its Secret tiny-password\)/,
  ],
  [
    'a DSN in a Secret',
    [server(usual, { envFrom: [{ secretRef: { name: 'mail' } }] })],
    [secret('mail', { dsn: encode('postgres://tiny:of%20the%20product@db/') })],
    /\(its password, in Secret\/mail, key dsn\)/,
  ],
  [
    'a DSN in a ConfigMap of the chart',
    [
      server(usual, { envFrom: [{ configMapRef: { name: 'config' } }] }),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'config' },
        data: { dsn: 'postgres://db/tinydb' },
      },
    ],
    [],
    /\(its name, in ConfigMap\/config, key dsn\)/,
  ],
  [
    'a password in the command',
    [server(usual, { args: ['--password', 'of the product'] })],
    [],
    /\(its password, in the command of container server\)/,
  ],
  [
    'a Secret that is not there',
    [server(usual, { envFrom: [{ secretRef: { name: 'gone' } }] })],
    [],
    /reads Secret\/gone, which is not there/,
  ],
  [
    'a Service that takes it',
    [server(usual)],
    [service({ 'app.kubernetes.io/part-of': 'tiny' })],
    /the Service all would send requests/,
  ],
  ['a chart without the workload', [], [], /renders no Deployment that migrates/],
];

for (const [what, rendered, live, message] of refused) {
  test(`no rehearsal with ${what}`, async () => {
    await assert.rejects(objects(rendered, live), (error) => {
      assert.ok(error instanceof IvaapError && error.code === 'preflight');
      assert.match(error.message, message);
      return true;
    });
  });
}

test('objects of others with its names are found by the labels that they lack', async () => {
  const job = { kind: 'Job', metadata: { name: 'tiny-rehearsal' } };
  const of = (found: object | undefined) =>
    foreignObjects(
      { get: () => Promise.resolve(found as KubeObject | undefined) } as unknown as Kubectl,
      product,
      [job],
    );
  assert.deepEqual(await of(undefined), []);
  assert.deepEqual(await of({ metadata: { name: 'tiny-rehearsal', labels } }), []);
  assert.deepEqual(await of({ metadata: { name: 'tiny-rehearsal', labels: { app: 'other' } } }), [
    'Job/tiny-rehearsal',
  ]);
});
