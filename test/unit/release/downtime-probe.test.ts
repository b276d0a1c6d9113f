import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reported } from '../../../src/engine/reporter.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { DowntimeProbe } from '../../../src/release/downtime-probe.ts';

/** The probe beside Helm: what it reports, and that it neither fails nor holds a run. */

type Product = Parameters<DowntimeProbe['begin']>[0]['product'];

const folder = mkdtempSync(join(tmpdir(), 'downtime-'));
const values = join(folder, 'values.yaml');
writeFileSync(values, 'fqdn: tiny.example\n');

/** What the product answers; `hang`: nothing. */
let status: number | 'hang' = 200;
let open = 0;
let most = 0;
const server = createServer((request, response) => {
  open += 1;
  most = Math.max(most, open);
  response.on('close', () => (open -= 1));
  if (status === 'hang') return;
  response.writeHead(request.url === '/new' ? 404 : status, { connection: 'close' }).end();
});
before(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const route = (id: string, path: string) => ({
  id,
  title: id,
  path,
  port: (server.address() as AddressInfo).port,
  expectStatus: 200,
  selector: 'app=server',
  timeoutSeconds: 1,
});

function begun(routes = [route('server', '/'), route('new', '/new')], file = values) {
  const told: Reported[] = [];
  const probe = new DowntimeProbe((event) => told.push(event), 20);
  const product = { health: routes, values: { keys: { fqdn: ['fqdn'] } } } as unknown as Product;
  const paths = { values: file, overlay: join(folder, 'overlay.yaml') };
  const begin = probe.begin({ product, paths, program: './tiny', kubectl: {} as Kubectl });
  return { probe, told, begin, types: () => told.map(({ type }) => type) };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 300, 'it did not come');
    await sleep(10);
  }
}

test('only changes are reported, of the routes that answered before Helm', async () => {
  status = 200;
  const { probe, told, begin, types } = begun();
  await begin;
  assert.deepEqual(told[0], {
    type: 'probe.started',
    routes: ['server'],
    healthy: true,
    answer: 'server: status 200',
  });
  await sleep(100);
  status = 503;
  await until(() => types().includes('probe.changed'));
  await sleep(100);
  status = 200;
  await until(() => types().length === 3);
  probe.end();
  probe.end();
  await sleep(60);
  assert.deepEqual(types(), ['probe.started', 'probe.changed', 'probe.changed', 'probe.ended']);
  assert.partialDeepStrictEqual(told[1], { healthy: false, answer: 'server: status 503' });
  assert.ok((told.at(-1) as { probes: number }).probes >= 3);
});

test('a product that hangs neither holds the end nor gets a second request', async () => {
  status = 200;
  const { probe, begin, types } = begun([route('server', '/')]);
  await begin;
  status = 'hang';
  most = 0;
  await until(() => most === 1);
  await sleep(100);
  const startedMs = performance.now();
  probe.end();
  assert.ok(performance.now() - startedMs < 50);
  await until(() => open === 0);
  assert.equal(most, 1);
  assert.deepEqual(types(), ['probe.started', 'probe.ended']);
});

test('a product that is down before Helm is probed all the same', async () => {
  status = 503;
  const { probe, told, begin, types } = begun();
  await begin;
  assert.partialDeepStrictEqual(told[0], { healthy: false, answer: 'server: status 503' });
  probe.end();
  assert.deepEqual(types(), ['probe.started', 'probe.ended']);
});

test('without a values file it says why nothing is measured, and the run goes on', async () => {
  const { probe, told, begin } = begun(undefined, join(folder, 'none.yaml'));
  await begin;
  probe.end();
  assert.equal(told.length, 1);
  assert.match((told[0] as { why: string }).why, /none\.yaml/);
});

test('one that was never begun reports nothing, and one that ended before its first answer stays silent', async () => {
  status = 200;
  const never: Reported[] = [];
  new DowntimeProbe((event) => never.push(event)).end();
  assert.deepEqual(never, []);
  const { probe, begin, types } = begun();
  probe.end();
  await begin;
  await sleep(60);
  assert.deepEqual(types(), ['probe.ended']);
});

test('a process that forgets to end it ends all the same', async () => {
  status = 200;
  const module = join(import.meta.dirname, '../../../src/release/downtime-probe.ts');
  const product = { health: [route('server', '/')], values: { keys: { fqdn: ['fqdn'] } } };
  const script = `
    const { DowntimeProbe } = await import(${JSON.stringify(module)});
    const given = { product: ${JSON.stringify(product)}, paths: ${JSON.stringify({ values, overlay: `${values}.overlay` })}, program: 'x' };
    await new DowntimeProbe(() => {}).begin(given);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(late);
  assert.equal(code, 0);
});
