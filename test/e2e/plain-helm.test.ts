import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { buildRelease } from '../../payload-spec/sample/build.ts';
import { users } from '../../payload-spec/sample/base-layers.ts';
import { labDown, labExec, labPath, labUp } from '../lab/host.ts';
import { until } from '../lab/process.ts';

/**
 * The sample product on a real node without any code of ours: Helm, kubectl and `ctr images import`, as a
 * vendor would try it.
 */

// The form that the harness knows: a host whose process has died is ended by the next one.
const host = `e2e-${process.pid}-0`;
const fqdn = 'ivaap.example';
const flag = 'IVAAP_SERVER_ADMIN_AUTO_MIGRATE';
let helm = '';

async function shell(script: string, input?: string, timeoutMs = 120_000): Promise<string> {
  const options = { timeoutMs, ...(input === undefined ? {} : { input }) };
  const { code, stdout, stderr } = await labExec(
    host,
    ['bash', '--norc', '-euo', 'pipefail', '-c', script],
    options,
  );
  if (code !== 0) throw new Error(`${script}: exit ${code}\n${stderr}${stdout}`);
  return stdout;
}

async function call(path: string, body?: unknown) {
  const post = body === undefined ? '' : '-X POST --data-binary @-';
  const text = await shell(
    `curl -sS -m 30 -w '\\n%{http_code}' -H 'Host: ${fqdn}' ${post} 'http://127.0.0.1${path}'`,
    body === undefined ? undefined : JSON.stringify(body),
  );
  const end = text.lastIndexOf('\n');
  const content = text.slice(0, end);
  return {
    status: Number(text.slice(end + 1)),
    body: content.startsWith('{') ? JSON.parse(content) : content,
  };
}

const answers = (path: string, status: number) =>
  until(
    60_000,
    async () => {
      const reply = await call(path);
      return reply.status === status ? reply.body : undefined;
    },
    () => `${path} does not answer ${status}`,
  );

/** The release's images in the node's containerd. */
async function load(version: string): Promise<string> {
  const folder = await buildRelease(version);
  await shell(`tar -C ${folder}/images -cf - . | k3s ctr images import -`, undefined, 300_000);
  return folder;
}

const claim = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ivaap' } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'ivaap-postgres-data' },
      spec: {
        capacity: { storage: '5Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: '',
        hostPath: { path: '/opt/ivaap/postgres', type: 'Directory' },
        claimRef: { namespace: 'ivaap', name: 'ivaap-postgres-data' },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'ivaap-postgres-data', namespace: 'ivaap' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: '',
        volumeName: 'ivaap-postgres-data',
        resources: { requests: { storage: '5Gi' } },
      },
    },
  ],
};

/** What the installer would have made before the first `helm install`. */
async function prepare(): Promise<void> {
  await shell(`install -d -m 700 -o ${users.postgres} -g ${users.postgres} /opt/ivaap/postgres`);
  await shell('k3s kubectl apply -f -', JSON.stringify(claim));
  const license = new URL('../../payload-spec/sample/licenses/witsml-only.json', import.meta.url);
  await copyFile(license, labPath(host, '/root/license.json'));
  await shell('k3s kubectl -n ivaap create secret generic ivaap-license --from-file=/root/license.json');
  await shell('k3s kubectl -n ivaap create secret generic ivaap-database --from-literal=password=a-password');
  await shell('k3s kubectl -n ivaap create secret generic ivaap-connectors --from-literal=token=a-token');
}

interface Settings {
  migrate: boolean;
  backend?: Record<string, string>;
}

/** `helm install` or `upgrade` of a release with these settings; gives its exit code and what it said. */
async function deploy(verb: 'install' | 'upgrade', folder: string, { migrate, backend = {} }: Settings) {
  const values = {
    ingress: { host: fqdn },
    adminserver: { env: { [flag]: String(migrate) } },
    connectors: { witsml: { enabled: true } },
    backend,
  };
  await writeFile(labPath(host, '/root/values.yaml'), stringify(values));
  const more = verb === 'upgrade' ? ['--reset-values', '--rollback-on-failure'] : [];
  return labExec(
    host,
    [
      helm,
      verb,
      'ivaap',
      join(folder, 'chart'),
      '-n',
      'ivaap',
      '-f',
      '/root/values.yaml',
      ...more,
      '--wait=watcher',
      '--timeout',
      '5m',
    ],
    { env: { KUBECONFIG: '/etc/rancher/k3s/k3s.yaml' }, timeoutMs: 600_000 },
  );
}

const wells = Array.from({ length: 1000 }, (_, index) => ({
  name: `W-${index}`,
  field: 'Åsgard',
  operator: `Operator ${index % 3}`,
  depthFt: 5000 + index,
  latitude: Number((58 + index / 1000).toFixed(6)),
  longitude: Number((-3 - index / 1000).toFixed(6)),
}));

before(async () => {
  await labUp(host);
});
after(async () => {
  await labDown(host);
});

test('2026.1 installs with plain Helm, takes a thousand wells and serves them through the ingress', async () => {
  const folder = await load('2026.1');
  helm = join(folder, 'tools/helm');
  await prepare();
  const installed = await deploy('install', folder, { migrate: true, backend: { units: 'imperial' } });
  assert.equal(installed.code, 0, installed.stderr);
  assert.match(installed.stdout, /adminserver migrates the database when its pod starts/);
  assert.equal((await answers('/admin/health', 200)).schema.version, 3);
  assert.equal((await call('/admin/api/wells', wells)).body.ids.length, 1000);
  const page = await answers('/backend/api/wells?limit=1', 200);
  assert.deepEqual([page.count, page.wells[0].depth], [1000, { value: 5000, unit: 'ft' }]);
  assert.match((await answers('/', 200)) as string, /IVAAP 2026\.1/);
});

test('the backend calls the connector that the licence grants, and only that', async () => {
  const { exports } = await answers('/backend/api/exports?limit=2', 200);
  assert.equal(exports.length, 1);
  assert.deepEqual([exports[0].connector, exports[0].status], ['witsml', 'ok']);
  assert.match(exports[0].documents[0], /<name>W-0<\/name>/);
});

test('2026.2 rolls out with migrations off, and the schema stays that of 2026.1', async () => {
  const folder = await load('2026.2');
  const upgraded = await deploy('upgrade', folder, { migrate: false, backend: { unitSystem: 'field' } });
  assert.equal(upgraded.code, 0, upgraded.stderr);
  const health = await answers('/admin/health', 200);
  assert.deepEqual([health.release, health.schema.version], ['2026.2', 3]);
  assert.equal((await answers('/backend/api/wells?limit=1', 200)).count, 1000);
});

test('the flag alone restarts nothing; deleting the pod migrates every well', async () => {
  const folder = await buildRelease('2026.2');
  const applied = await deploy('upgrade', folder, { migrate: true, backend: { unitSystem: 'field' } });
  assert.equal(applied.code, 0, applied.stderr);
  assert.equal((await answers('/admin/health', 200)).schema.version, 3);
  await shell('k3s kubectl -n ivaap delete pod -l app=adminserver');
  await shell('k3s kubectl -n ivaap rollout status deployment/adminserver --timeout=60s');
  assert.equal((await answers('/admin/health', 200)).schema.version, 5);
  const stored = (await answers('/admin/api/wells', 200)) as { wells: Record<string, number>[] };
  assert.equal(stored.wells.length, 1000);
  for (const [index, { totalDepthM, latitude, longitude }] of stored.wells.entries()) {
    const well = wells[index];
    assert.equal(totalDepthM, Math.round((well?.depthFt ?? 0) * 304.8) / 1000);
    assert.deepEqual([latitude, longitude], [well?.latitude, well?.longitude]);
  }
});

test('a wrong readiness path fails within two minutes, rolls back, and the old pods never stop answering', async () => {
  const folder = await buildRelease('2026.2');
  const backend = { unitSystem: 'field', readinessPath: '/backend/no-such-path' };
  const startedAt = performance.now();
  const failed = await deploy('upgrade', folder, { migrate: true, backend });
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /backend/);
  assert.ok(performance.now() - startedAt < 120_000, `${performance.now() - startedAt} ms`);
  assert.equal((await call('/backend/health')).status, 200);
  assert.equal((await answers('/backend/api/wells?limit=1', 200)).count, 1000);
});

test('the database can be dumped and queried inside its pod without a password', async () => {
  const inPod = 'k3s kubectl -n ivaap exec postgres-0 -c postgres --';
  const dump = await shell(`${inPod} pg_dump -U postgres ivaapdb`);
  assert.match(dump, /PostgreSQL database dump complete/);
  assert.match(await shell(`${inPod} pg_dumpall -U postgres --globals-only`), /CREATE ROLE ivaap/);
});

test('no container had to be restarted on the way', async () => {
  const counts = await shell(
    "k3s kubectl -n ivaap get pods -o jsonpath='{range " +
      `.items[*]}{.metadata.name}={.status.containerStatuses[0].restartCount}{"\\n"}{end}'`,
  );
  assert.doesNotMatch(counts, /=[1-9]/);
});
