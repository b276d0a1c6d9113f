import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** A product whose connector has a switch in the values, as IVAAP's have: the switch says what runs. */

let host: SimulatedHost;
let empty: World;

before(async () => {
  host = await SimulatedHost.start(
    {},
    { entitlements: { TINY_CONNECTOR: { connector: 'alpha', enabledPath: ['alpha', 'enabled'] } } },
  );
  empty = host.copy();
});
after(() => host.close());
beforeEach(() => host.become(empty));

const connector = (version: string) => `registry.example/tiny/alpha:${version}`;
const isLoaded = (version: string) => host.cluster.state.images[connector(version)] !== undefined;
const values = () => readFileSync(join(host.folder, 'tiny.values.yaml'), 'utf8');
type Report = Extract<EngineEvent, { type: 'preflight.report' }>;
const resultsOf = ({ shown }: Invocation) =>
  (shown.find(({ type }) => type === 'preflight.report') as Report | undefined)?.results
    .filter(({ check }) => check === 'license')
    .map(({ id, status }) => [id, status]);

function file(name: string, text: string): string {
  const path = join(host.root, name);
  writeFileSync(path, text);
  return path;
}

const without = '{"entitlements":[]}';

test('an install whose own values switch on what is not granted is refused, and by a waiver complete', async () => {
  const own = file('own.yaml', 'alpha: { enabled: true }\n');
  const license = file('none.json', without);
  const refused = await host.run('install', undefined, { license, values: own });
  assert.equal(refused.exitCode, 3);
  assert.deepEqual(resultsOf(refused), [['license:TINY_CONNECTOR', 'fail']]);
  const waive = ['license=the new one is on its way'];
  const done = await host.run('install', undefined, { license, values: own, waive });
  assert.equal(done.exitCode, 0, String(done.error));
  assert.match(values(), /alpha: \{ enabled: true \}/);
  assert.ok(isLoaded('2026.1'), 'what is switched on has its image');
});

test('an install from the template leaves off what is not granted, and is not held up', async () => {
  const done = await host.run('install', undefined, { license: file('none.json', without) });
  assert.equal(done.exitCode, 0, String(done.error));
  assert.match(values(), /enabled: false/);
  assert.equal(isLoaded('2026.1'), false);
});

test('an install with a licence of FlexNet switches on what it grants here and now', async () => {
  const line = 'FEATURE TINY_CONNECTOR acmed 1';
  const expired = await host.run('install', undefined, {
    license: file('old.lic', `${line} 1-jan-2020 uncounted SIGN=00`),
  });
  assert.equal(expired.exitCode, 2);
  assert.match(String(expired.error), /expired on 2020-01-01/);
  const elsewhere = file('other.lic', `${line} permanent uncounted HOSTID=020000000001 SIGN=00`);
  assert.equal((await host.run('install', undefined, { license: elsewhere })).exitCode, 0);
  assert.match(values(), /enabled: false/);
  host.become(empty);
  const bytes = Buffer.from(`# Müller\r\n${line} permanent uncounted SIGN=00\r\n`, 'latin1');
  const path = join(host.root, 'good.lic');
  writeFileSync(path, bytes);
  assert.equal((await host.run('install', undefined, { license: path })).exitCode, 0);
  assert.match(values(), /enabled: true/);
  assert.ok(isLoaded('2026.1'));
  const { data } = host.cluster.get('Secret', 'tiny-license', namespace) as unknown as {
    data: Record<string, string>;
  };
  assert.deepEqual(Buffer.from(data['license.json'] ?? '', 'base64'), bytes, 'byte for byte');
});

test('an upgrade with a licence that has lost what is switched on: refused, or waived and nothing changes', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  const before = values();
  assert.match(before, /enabled: true/);
  const found = host.cluster.get('Secret', 'tiny-license', namespace)!;
  host.cluster.apply({ ...found, data: { 'license.json': Buffer.from(without).toString('base64') } });
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 3);
  assert.deepEqual(resultsOf(refused), [['license:TINY_CONNECTOR', 'fail']]);
  const done = await host.run('upgrade', undefined, { waive: ['license:TINY_CONNECTOR=on its way'] });
  assert.equal(done.exitCode, 0, String(done.error));
  assert.equal(values(), before);
  assert.ok(isLoaded('2026.2'));
});

test('what is switched off needs no licence in an upgrade', async () => {
  assert.equal((await host.run('install')).exitCode, 0);
  const path = join(host.folder, 'tiny.values.yaml');
  writeFileSync(path, values().replace('enabled: true', 'enabled: false'));
  host.cluster.delete('Secret', 'tiny-license', namespace);
  const done = await host.run('upgrade');
  assert.equal(done.exitCode, 0, String(done.error));
  assert.deepEqual(resultsOf(done), [['license', 'ok']]);
});
