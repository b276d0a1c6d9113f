import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { parse } from 'yaml';
import { productSchema } from '../../src/payload/product-schema.ts';
import { bundleService } from '../../payload-spec/sample/images.ts';
import { freePort, password, startSamplePostgres } from './sample-postgres.ts';

interface Well {
  name: string;
  depthFt?: number;
  totalDepthM?: number;
  location?: string;
  latitude?: number;
  longitude?: number;
  operator: string;
}

let postgres: Awaited<ReturnType<typeof startSamplePostgres>>;
let folder: string;
const running = new Set<ChildProcess>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ivaap-sample-services-'));
  postgres = await startSamplePostgres();
});

after(async () => {
  for (const child of running) child.kill('SIGKILL');
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a release's service as its image does, with this environment. */
async function start(source: string, release: string, environment: Record<string, string> = {}) {
  const script = join(folder, `${source.replaceAll('/', '-')}-${release}.cjs`);
  await writeFile(script, await bundleService(source, release));
  const port = await freePort();
  const child = spawn(process.execPath, [script], {
    env: { PORT: String(port), ...postgres.environment, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  running.add(child);
  const call = async (path: string, body?: unknown) => {
    const post = { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? {} : post);
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return {
    port,
    call,
    async until(path: string, status: number) {
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const answer = await call(path).catch(() => undefined);
        if (answer?.status === status) return answer.body;
        await sleep(100);
      }
      throw new Error(`${source} of ${release} never answered ${status} at ${path}`);
    },
    async stop() {
      const startedAt = performance.now();
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      running.delete(child);
      return { code, milliseconds: performance.now() - startedAt };
    },
  };
}

const admin = (release: string, autoMigrate: boolean) =>
  start('adminserver/main.ts', release, { IVAAP_SERVER_ADMIN_AUTO_MIGRATE: String(autoMigrate) });

async function schemaVersionAsTheInstallerReadsIt(): Promise<number> {
  const text = await readFile(new URL('../../payload-spec/ivaap/product.yaml', import.meta.url), 'utf8');
  const { database } = productSchema.parse(parse(text));
  const { IVAAP_DB_HOST: host, IVAAP_DB_PORT: port } = postgres.environment;
  const client = new Client({ host, port: Number(port), user: 'ivaap', database: 'ivaapdb', password });
  await client.connect();
  try {
    await client.query('SET default_transaction_read_only = on');
    const { rows } = await client.query({ text: database.schemaVersionQuery, rowMode: 'array' });
    return rows[0]?.[0] as number;
  } finally {
    await client.end();
  }
}

const newWells = Array.from({ length: 1000 }, (_, index) => ({
  name: `SAMPLE-${index}`,
  field: `FIELD-${index % 7}`,
  operator: `Operator ${index % 3}`,
  depthFt: 5000 + index * 1.5,
  latitude: Number((29 + index / 1000).toFixed(6)),
  longitude: Number((-95 - index / 1000).toFixed(6)),
}));

// One database goes through the releases in their order, as on a host.

test('a database without tables has schema version 0, and is unhealthy while migrations are off', async () => {
  assert.equal(await schemaVersionAsTheInstallerReadsIt(), 0);
  const server = await admin('2026.1', false);
  const health = await server.until('/admin/health', 503);
  assert.match(health.reason, /schema version 0 is below 3/);
  assert.equal((await server.call('/admin/ready')).status, 503);
  assert.equal((await server.call('/admin/live')).status, 200);
  await server.stop();
});

test('2026.1 migrates an empty database from nothing and keeps a thousand wells written in one request', async () => {
  const server = await admin('2026.1', true);
  assert.deepEqual((await server.until('/admin/ready', 200)).schema, { version: 3, min: 3, target: 3 });
  assert.equal(await schemaVersionAsTheInstallerReadsIt(), 3);
  assert.equal((await server.call('/admin/api/wells', newWells)).body.ids.length, 1000);
  const single = { name: 'SINGLE', field: 'F', operator: 'O', depthFt: 1, latitude: 2, longitude: 3 };
  assert.equal((await server.call('/admin/api/wells', single)).status, 201);
  const page = (await server.call('/admin/api/wells?limit=2&offset=1')).body;
  assert.equal(page.count, 1001);
  assert.deepEqual(
    page.wells.map(({ name, depthFt, location }: Well) => [name, depthFt, location]),
    [
      ['SAMPLE-1', 5001.5, '29.001,-95.001'],
      ['SAMPLE-2', 5003, '29.002,-95.002'],
    ],
  );
  await server.stop();
});

test('a batch with a well that exists, or that lacks a column, writes nothing', async () => {
  const server = await admin('2026.1', true);
  await server.until('/admin/ready', 200);
  const fresh = { ...newWells[0], name: 'FRESH' };
  assert.equal((await server.call('/admin/api/wells', [fresh, newWells[1]])).status, 400);
  const incomplete = await server.call('/admin/api/wells', [fresh, { name: 'X' }]);
  assert.deepEqual([incomplete.status, incomplete.body.error], [400, 'well 1: field is text']);
  assert.equal((await server.call('/admin/api/wells?limit=1')).body.count, 1001);
  await server.stop();
});

test('2026.2 with migrations off is healthy on the schema of 2026.1, and both of its services read it', async () => {
  const server = await admin('2026.2', false);
  assert.deepEqual((await server.until('/admin/ready', 200)).schema, { version: 3, min: 3, target: 5 });
  assert.equal((await server.call('/admin/api/wells?limit=1')).body.wells[0].depthFt, 5000);
  const backend = await start('backend/main.ts', '2026.2', { IVAAP_BACKEND_UNIT_SYSTEM: 'field' });
  await backend.until('/backend/ready', 200);
  assert.deepEqual((await backend.call('/backend/api/wells?limit=1')).body.wells[0].depth, {
    value: 5000,
    unit: 'ft',
  });
  await backend.stop();
  await server.stop();
});

test('2026.2 with migrations on rewrites every well', async () => {
  const server = await admin('2026.2', true);
  assert.equal((await server.until('/admin/ready', 200)).schema.version, 5);
  const { wells } = (await server.call('/admin/api/wells')).body as { wells: Well[] };
  assert.equal(wells.length, 1001);
  for (const expected of newWells) {
    const well = wells.find(({ name }) => name === expected.name);
    assert.ok(well, expected.name);
    assert.equal(well.totalDepthM, Number((expected.depthFt * 0.3048).toFixed(3)));
    assert.deepEqual([well.latitude, well.longitude], [expected.latitude, expected.longitude]);
    assert.equal(well.location, undefined);
  }
  await server.stop();
});

test('2026.1 stays healthy on the newer schema but cannot read the wells any more: a chart rollback does not undo a migration', async () => {
  const server = await admin('2026.1', true);
  assert.equal((await server.until('/admin/ready', 200)).schema.version, 5);
  assert.equal((await server.call('/admin/api/wells')).status, 500);
  await server.stop();
});

test('2027.1 is unhealthy below its own schema, says why, and is healthy once migrated', async () => {
  const off = await admin('2027.1', false);
  assert.match((await off.until('/admin/health', 503)).reason, /5 is below 6.*AUTO_MIGRATE is not true/);
  await off.stop();
  const [first, second] = await Promise.all([admin('2027.1', true), admin('2027.1', true)]);
  assert.equal((await first.until('/admin/ready', 200)).schema.version, 6);
  assert.equal((await second.until('/admin/ready', 200)).schema.version, 6);
  const { wells } = (await first.call('/admin/api/wells')).body as { wells: Well[] };
  assert.equal(wells.find(({ name }) => name === 'SAMPLE-5')?.operator, 'Operator 2');
  assert.equal((await first.call('/admin/api/wells', { ...newWells[0], name: 'NEW' })).status, 201);
  await Promise.all([first.stop(), second.stop()]);
});

test('the backend gives out metres or feet and calls nothing that the licence does not grant', async () => {
  const licenses = new URL('../../payload-spec/sample/licenses/', import.meta.url);
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'a-token');
  const backend = await start('backend/main.ts', '2027.1', {
    IVAAP_BACKEND_UNIT_SYSTEM: 'metric',
    IVAAP_CONNECTORS: 'IVAAP_CONNECTOR_WITSML=witsml,IVAAP_CONNECTOR_PPDM=ppdm',
    IVAAP_LICENSE_FILE: new URL('witsml-only.json', licenses).pathname,
    IVAAP_CONNECTOR_TOKEN_FILE: tokenFile,
  });
  await backend.until('/backend/ready', 200);
  assert.deepEqual((await backend.call('/backend/api/wells?limit=1')).body.wells[0].depth, {
    value: 1524,
    unit: 'm',
  });
  assert.deepEqual((await backend.call('/backend/api/connectors')).body, { connectors: ['witsml'] });
  const { exports } = (await backend.call('/backend/api/exports?limit=1')).body;
  assert.deepEqual([exports.length, exports[0].connector, exports[0].status], [1, 'witsml', 'unavailable']);
  await backend.stop();
});

test('a connector answers only who holds its token', async () => {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'a-token');
  const connector = await start('connector/ppdm.ts', '2026.2', { IVAAP_CONNECTOR_TOKEN_FILE: tokenFile });
  await connector.until('/health', 200);
  const well = { id: 7, name: 'W', field: 'F', operator: 'O', depth: { value: 10, unit: 'm' } };
  assert.equal((await connector.call('/documents', [well])).status, 401);
  const response = await fetch(`http://127.0.0.1:${connector.port}/documents`, {
    method: 'POST',
    headers: { authorization: 'Bearer a-token' },
    body: JSON.stringify([well]),
  });
  const { documents } = (await response.json()) as { documents: { UWI: string }[] };
  assert.equal(documents[0]?.UWI, '000000000007');
  await connector.stop();
});

test('every service ends at once on SIGTERM', async () => {
  for (const source of ['adminserver/main.ts', 'backend/main.ts', 'dashboard/main.ts']) {
    const service = await start(source, '2026.2');
    await service.until(
      source.startsWith('dashboard') ? '/' : `/${source.slice(0, 5) === 'admin' ? 'admin' : 'backend'}/live`,
      200,
    );
    const { code, milliseconds } = await service.stop();
    assert.equal(code, 0);
    assert.ok(milliseconds < 2_000, `${source} took ${milliseconds} ms`);
  }
});

test('the password is in no line that the database wrote while it was set up', () => {
  assert.match(postgres.log(), /first start/);
  assert.ok(!postgres.log().includes(password));
});
