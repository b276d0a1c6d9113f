import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  namesLive,
  type PodSpec,
  referencesOf,
  rehearsalPod,
  rehearsalValues,
  selects,
  textsOf,
  type Told,
} from '../../../src/policy/rehearsal-pod.ts';

const told: Told = {
  rehearsal: {
    database: { env: 'DB' },
    user: { values: ['database', 'user'] },
    password: { env: 'DB_PASSWORD' },
  },
  name: 'tinydb_rehearsal_20260131T235959_1',
  secret: { name: 'tiny-rehearsal', key: 'password' },
};

const template: PodSpec = {
  serviceAccountName: 'server',
  priorityClassName: 'high',
  hostNetwork: true,
  imagePullSecrets: [{ name: 'registry' }],
  initContainers: [{ name: 'wait', image: 'a', env: [{ name: 'DB', value: 'tinydb' }] }],
  containers: [
    {
      name: 'server',
      image: 'registry.example/tinydb/server',
      ports: [{ containerPort: 80, hostPort: 80 }],
      livenessProbe: {},
      readinessProbe: {},
      startupProbe: {},
      lifecycle: {},
      securityContext: { privileged: true, runAsUser: 7 },
      resources: { requests: { cpu: '2', memory: '1Gi' }, limits: { memory: '1Gi' } },
      env: [
        { name: 'DB', value: 'tinydb' },
        { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'tiny-password', key: 'password' } } },
        { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'modes', key: 'mode', optional: true } } },
      ],
      envFrom: [{ configMapRef: { name: 'config' } }, { secretRef: { name: 'token' } }],
      volumeMounts: [{ name: 'data' }, { name: 'claimed' }],
    },
  ],
  volumes: [
    { name: 'data', persistentVolumeClaim: { claimName: 'tiny-db' } },
    { name: 'host', hostPath: { path: '/' } },
    { name: 'net', nfs: { server: 'a', path: '/' } },
    { name: 'scratch', emptyDir: { sizeLimit: '1Mi' } },
    { name: 'mail', secret: { secretName: 'mail', items: [{ key: 'a', path: 'b' }] } },
    {
      name: 'mixed',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { secret: { name: 'inside' } },
          { configMap: { name: 'config' } },
        ],
      },
    },
  ],
} as unknown as PodSpec;

const renamed = ({ name }: { name: string }) => `copy-${name}`;

test('the pod of a rehearsal has nothing by which it reaches production or is reached', () => {
  const pod = rehearsalPod(template, told, renamed);
  assert.deepEqual(pod, {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    initContainers: [
      {
        name: 'wait',
        image: 'a',
        env: [
          { name: 'DB', value: told.name },
          { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'tiny-rehearsal', key: 'password' } } },
        ],
        resources: { requests: { cpu: '1m' } },
      },
    ],
    containers: [
      {
        name: 'server',
        image: 'registry.example/tinydb/server',
        securityContext: { runAsUser: 7 },
        resources: { requests: { cpu: '1m', memory: '1Gi' }, limits: { memory: '1Gi' } },
        env: [
          {
            name: 'MODE',
            valueFrom: { configMapKeyRef: { name: 'copy-modes', key: 'mode', optional: true } },
          },
          { name: 'DB', value: told.name },
          { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'tiny-rehearsal', key: 'password' } } },
        ],
        envFrom: [{ configMapRef: { name: 'copy-config' } }, { secretRef: { name: 'copy-token' } }],
        volumeMounts: [{ name: 'data' }, { name: 'claimed' }],
      },
    ],
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'host', emptyDir: {} },
      { name: 'net', emptyDir: {} },
      { name: 'scratch', emptyDir: { sizeLimit: '1Mi' } },
      { name: 'mail', secret: { secretName: 'copy-mail', items: [{ key: 'a', path: 'b' }] } },
      {
        name: 'mixed',
        projected: { sources: [{ secret: { name: 'copy-inside' } }, { configMap: { name: 'copy-config' } }] },
      },
      { name: 'claimed', emptyDir: {} },
    ],
  });
});

test('what it reads is found wherever a pod can name it; one that must be there is not optional', () => {
  const found = referencesOf(rehearsalPod(template, told, ({ name }) => name));
  assert.deepEqual(
    found.map(({ kind, name, optional }) => `${kind}/${name}${optional ? '?' : ''}`),
    [
      'ConfigMap/modes?',
      'Secret/tiny-rehearsal',
      'ConfigMap/config',
      'Secret/token',
      'Secret/mail',
      'Secret/inside',
    ],
  );
});

test('the values say what the variables do not', () => {
  assert.deepEqual(rehearsalValues(told, { path: ['migrate'], on: 'yes' }), [
    { path: ['migrate'], value: 'yes' },
    { path: ['database', 'user'], value: told.name },
  ]);
});

const live = { name: 'tinydb', password: "p@ss/wörd'1" };
const base64 = (text: string) => Buffer.from(text).toString('base64');

for (const [text, found] of [
  ['postgres://tiny@db/tinydb', 'name'],
  ['tinydb', 'name'],
  [`x ${live.password} y`, 'password'],
  [`postgres://tiny:${encodeURIComponent(live.password)}@db/`, 'password'],
  [base64(`postgres://tiny:${live.password}@db/`), 'password'],
  [JSON.stringify({ dsn: base64(base64(`dbname=tinydb`)) }), 'name'],
  [told.name, undefined],
  ['tinydb2, my-tinydb-x, mytinydb', undefined],
  ['postgres://db:5432/', undefined],
  ['', undefined],
] as const) {
  test(`the live database in a text: ${found ?? 'none'} in ${JSON.stringify(text)}`, () => {
    assert.equal(namesLive(text, live), found);
  });
}

test('no password matches nothing', () => {
  assert.equal(namesLive('anything', { name: 'tinydb', password: '' }), undefined);
});

test('variables and commands are texts of a pod, images are none', () => {
  const pod = {
    containers: [
      { name: 'a', image: 'tinydb', command: ['run', 'tinydb'], env: [{ name: 'X', value: 'y' }] },
    ],
  };
  assert.deepEqual(
    textsOf(pod as unknown as PodSpec).map(({ where, text }) => `${where}: ${text}`),
    [
      'the variable X: y',
      'the command of container a: run',
      'the command of container a: tinydb',
      'the pod: ""',
    ],
  );
});

test('a selector takes a pod with all of its labels', () => {
  const labels = { a: '1', b: '2' };
  assert.deepEqual(
    [{ a: '1' }, { a: '1', b: '2' }, { a: '2' }, { c: '1' }, {}, undefined].map((one) =>
      selects(one as Record<string, string> | undefined, labels),
    ),
    [true, true, false, false, false, false],
  );
});
