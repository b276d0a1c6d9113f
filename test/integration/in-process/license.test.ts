import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { typedAgain } from '../../../src/commands/again.ts';
import { licenseCheck } from '../../../src/commands/license-check.ts';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { describeError } from '../../../src/errors.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { queryHostImages } from '../../../src/queries/host-images.ts';
import { queryLicenseCheck } from '../../../src/queries/license-check.ts';
import { licenseSchema } from '../../../src/queries/license-schema.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/**
 * A licence that changes under an installed host: preflight of an upgrade says so, and nothing that runs is
 * switched off because of it.
 */

let host: SimulatedHost;
let installed: World;
let server: Server;
let port = 0;

before(async () => {
  server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  port = (server.address() as { port: number }).port;
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
});
after(() => {
  server.close();
  host.close();
});
beforeEach(() => host.become(installed));

/** What the operator, or the vendor's next licence, makes of the installed one. */
function replaceLicense(text: string): void {
  const found = host.cluster.get('Secret', 'tiny-license', namespace)!;
  host.cluster.apply({ ...found, data: { 'license.json': Buffer.from(text).toString('base64') } });
}

const connector = 'registry.example/tiny/alpha:2026.2';
const values = () => readFileSync(join(host.folder, 'tiny.values.yaml'), 'utf8');
type Report = Extract<EngineEvent, { type: 'preflight.report' }>;
const resultsOf = ({ shown }: Invocation) =>
  (shown.find(({ type }) => type === 'preflight.report') as Report | undefined)?.results.filter(
    ({ check }) => check === 'license',
  ) ?? [];

const sign = 'SIGN=0011223344556677';
const flexnet = (more: string, at = port) =>
  `SERVER 127.0.0.1 ANY ${at}\nVENDOR acmed\nFEATURE TINY_CONNECTOR acmed 2026.2 ${more} ${sign}\n`;

const lost: [name: string, text: string, measured: RegExp][] = [
  ['lost its entitlement', '{"entitlements":[]}', /^missing$/],
  ['expired', '{"entitlements":["TINY_CONNECTOR"],"expires":"2020-01-01"}', /^expired on 2020-01-01$/],
  [
    'is for another host',
    'FEATURE TINY_CONNECTOR acmed 1 permanent uncounted HOSTID=020000000001',
    /^other host/,
  ],
];
for (const [name, text, measured] of lost) {
  test(`an upgrade with a licence that ${name} is refused before anything is changed`, async () => {
    replaceLicense(text);
    const refused = await host.run('upgrade');
    assert.equal(refused.exitCode, 3);
    const [result] = resultsOf(refused);
    assert.equal(result?.id, 'license:TINY_CONNECTOR');
    assert.equal(result?.status, 'fail');
    assert.match(result?.measured ?? '', measured);
    assert.match(describeError(refused.error).hint ?? '', /k3s kubectl patch secret tiny-license -n tiny/);
  });

  test(`with a waiver no connector is switched off by a licence that ${name}`, async () => {
    replaceLicense(text);
    const before = values();
    const done = await host.run('upgrade', undefined, { waive: ['license=the new one is on its way'] });
    assert.equal(done.exitCode, 0, String(done.error));
    assert.equal(resultsOf(done)[0]?.status, 'waived');
    assert.ok(host.cluster.state.images[connector] !== undefined, 'its new image is loaded');
    assert.equal(values(), before);
    assert.equal(host.state()?.installed?.version, '2026.2');
  });
}

test('a host without its licence is told so, and keeps its connectors too', async () => {
  host.cluster.delete('Secret', 'tiny-license', namespace);
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 3);
  assert.equal(resultsOf(refused)[0]?.measured, 'no licence is installed');
  const done = await host.run('upgrade', undefined, { waive: ['license=lost'] });
  assert.equal(done.exitCode, 0, String(done.error));
  assert.ok(host.cluster.state.images[connector] !== undefined);
});

test('a licence of FlexNet upgrades like one in JSON; a server that is optional and away is a warning', async () => {
  replaceLicense(flexnet('permanent 5'));
  const only = await host.run('upgrade', undefined, { preflightOnly: true });
  assert.equal(only.exitCode, 0, String(only.error));
  assert.deepEqual(
    resultsOf(only).map(({ id, status }) => [id, status]),
    [
      ['license:TINY_CONNECTOR', 'ok'],
      ['license:server', 'ok'],
    ],
  );
  replaceLicense(flexnet('permanent 5', 1));
  const done = await host.run('upgrade');
  assert.equal(done.exitCode, 0, String(done.error));
  assert.equal(resultsOf(done)[1]?.status, 'warn');
  assert.match(resultsOf(done)[1]?.measured ?? '', /^1@127\.0\.0\.1 the connection is refused/);
  assert.ok(!JSON.stringify(done.shown).includes('0011223344556677'));
});

test('the last weeks of a licence are a warning', async () => {
  const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
  replaceLicense(JSON.stringify({ entitlements: ['TINY_CONNECTOR'], expires: soon }));
  const only = await host.run('upgrade', undefined, { preflightOnly: true });
  assert.equal(only.exitCode, 0);
  const [result] = resultsOf(only);
  assert.equal(result?.status, 'warn');
  assert.equal(result?.measured, `granted, expires in 5 days (${soon})`);
});

test('a resumed upgrade whose Helm is through does not ask for the licence any more', async () => {
  const stopped = await host.run('upgrade', (event) =>
    event.kind === 'place' && event.place === 'upgrade_health_server:running' ? 'SIGTERM' : undefined,
  );
  assert.equal(stopped.exitCode, 143, String(stopped.error));
  replaceLicense('{"entitlements":[]}');
  const resumed = await host.run('upgrade');
  assert.equal(resumed.exitCode, 0, String(resumed.error));
  assert.deepEqual(resultsOf(resumed), []);
});

/** `license-check` of the new package on this host. */
async function check(path?: string) {
  const typed = path === undefined ? ['license-check'] : ['license-check', '--license', path];
  const { report, refusal } = await queryLicenseCheck(path, {
    program: './tiny',
    again: typedAgain('./tiny', typed, licenseCheck.options),
    signal: new AbortController().signal,
    machine: host.machine('upgrade'),
  });
  assert.equal(licenseSchema.safeParse(JSON.parse(JSON.stringify(report))).error, undefined);
  return { report, refusal };
}

test('license-check reads the installed licence and what runs', async () => {
  const { report } = await check();
  assert.equal(report.ok, true);
  assert.equal(report.version, '2026.2');
  assert.deepEqual(report.license, {
    source: 'installed',
    name: 'Secret tiny-license',
    format: 'json',
    notes: [],
  });
  const [row] = report.entitlements;
  assert.deepEqual([row?.status, row?.enabled, row?.installed, row?.needed], ['granted', true, true, true]);
  replaceLicense('{"entitlements":[]}');
  const { refusal } = await check();
  assert.equal(refusal?.exitCode, 3);
  assert.match(refusal?.hint ?? '', /k3s kubectl patch secret tiny-license/);
});

test('a licence that is named is compared with the installed one', async () => {
  const path = join(host.root, 'license.json');
  assert.equal((await check(path)).report.entitlements[0]?.installed, true);
  host.cluster.delete('Secret', 'tiny-license', namespace);
  const { report } = await check(path);
  assert.deepEqual(
    [report.ok, report.entitlements[0]?.installed, report.host.installedLicense],
    [true, null, { known: true, value: false }],
  );
  await assert.rejects(check(), (error: unknown) => {
    const { code, hint } = describeError(error);
    return code === 'usage' && hint === './tiny license-check --license FILE';
  });
});

test('what an upgrade would load counts a connector that runs, whatever the licence says', async () => {
  replaceLicense('{"entitlements":[]}');
  const machine = host.machine('upgrade');
  const payload = await openPayload(machine.executable);
  try {
    const [index, product] = await Promise.all([payload.index(), payload.product()]);
    const { entitlements } = await queryHostImages(index, product, {
      machine,
      signal: new AbortController().signal,
    });
    assert.deepEqual(entitlements, { known: true, value: ['TINY_CONNECTOR'] });
  } finally {
    await payload.close();
  }
});
