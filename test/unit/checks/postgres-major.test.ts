import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { postgresMajor, renderedMajor } from '../../../src/checks/postgres-major.ts';
import type { Manifest } from '../../../src/host/kubectl.ts';
import { asTold } from '../../fixtures/as-told.ts';

const workload = (image: string, labels = { app: 'db' }): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: image },
  spec: {
    template: {
      metadata: { labels },
      spec: { initContainers: [{ name: 'first', image: 'init:1' }], containers: [{ name: 'db', image }] },
    },
  },
});

const image = (reference: string) => ({ reference });
const product = {
  archives: { core: 'core.tar.gz' },
  entitlements: {},
  database: { selector: 'app=db', container: 'db' },
};
const index = {
  images: [image('registry.example/db:2026.2'), image('init:1')],
  archives: [{ name: 'core.tar.gz', images: ['registry.example/db:2026.2', 'init:1'] }],
};

test('the rendered major is the release’s for an image of the payload, and the tag’s for another', () => {
  const of = (name: string, labels?: { app: string }) =>
    renderedMajor([workload(name, labels)], {
      product,
      index,
      release: { postgresMajor: 15 },
    } as unknown as Parameters<typeof renderedMajor>[1]).major;
  assert.equal(of('registry.example/db:2026.2'), 15);
  assert.equal(of('docker.io/library/postgres:17.2-alpine'), 17);
  assert.equal(of('registry.example:5000/postgres:latest'), undefined);
  assert.equal(of('postgres'), undefined);
  const digest = `sha256:${'16'.repeat(32)}`;
  assert.equal(of(`registry.example:5000/postgres@${digest}`), undefined, 'a digest says no version');
  assert.equal(of(`registry.example:5000/postgres:v17@${digest}`), 17);
  assert.equal(of('registry.example/db:2026.2', { app: 'other' }), undefined);
});

test('without an answer the volume of the claim says the major, whoever made it and whatever its name is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'volume-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'PG_VERSION'), '15\n');
  const volume = { claim: 'db', persistentVolume: 'tiny-db' };
  const measured = (claim: object | undefined, name: string) => {
    const objects = new Map<string, object | undefined>([
      ['persistentvolumeclaim/db', claim],
      [`persistentvolume/${name}`, { spec: { hostPath: { path: folder } } }],
    ]);
    const ctx = {
      product: { ...product, namespace: 'tiny', database: { ...product.database, volume } },
      index,
      release: { postgresMajor: 15 },
      rendered: async () => [workload('init:1')],
      kubectl: { get: async (kind: string, wanted: string) => objects.get(`${kind}/${wanted}`) },
      signal: new AbortController().signal,
    };
    const facts = { database: () => Promise.reject(new Error('no answer')) };
    type Given = Parameters<typeof postgresMajor.measure>;
    return postgresMajor.measure(ctx as unknown as Given[0], facts as unknown as Given[1]);
  };
  const bound = (volumeName: string) => ({ spec: { volumeName } });
  for (const [claim, name] of [
    [bound('tiny-db'), 'tiny-db'],
    [bound('pvc-0a1b'), 'pvc-0a1b'],
    [undefined, 'tiny-db'],
  ] as const)
    assert.deepEqual((await measured(claim, name)) as object, {
      outcome: 'ok',
      measured: 'PostgreSQL 15 runs',
      limit: 'the chart renders 15 (init:1)',
    });
  const other = (await measured(bound('pvc-0a1b'), 'tiny-db')) as { outcome: string; measured: string };
  assert.deepEqual([other.outcome, other.measured.split(':')[0]], ['fail', 'not known']);
});

test('data that can go to a later version by dump and restore do; what would be left behind is named', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'data-'));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'db');
  mkdirSync(folder);
  symlinkSync(folder, join(root, 'link'));
  const rendered = workload('registry.example/db:2026.2') as Manifest & {
    spec: { template: { spec: { volumes?: object[] } } };
  };
  rendered.spec.template.spec.volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'db' } }];
  const measured = async (changes: {
    change?: object | undefined;
    others?: string[];
    tablespaces?: string[];
    claim?: string;
    running?: number;
  }) => {
    const { others = [], tablespaces = [], claim = 'db', running = 15 } = changes;
    const change = 'change' in changes ? changes.change : { from: running, to: 17, folder };
    const query = async (sql: string) =>
      sql.includes('pg_tablespace') ? tablespaces.map((name) => [name]) : [[JSON.stringify(others)]];
    const ctx = {
      product: {
        ...product,
        name: 'tiny',
        command: 'tiny',
        database: { ...product.database, volume: { claim } },
      },
      index,
      release: { postgresMajor: 17 },
      rendered: async () => [rendered],
      database: { query },
      majorChange: change,
      program: './tiny',
      run: () => undefined,
      signal: new AbortController().signal,
    };
    const facts = { database: async () => ({ versionNumber: running * 10_000 + 18, sizeBytes: 1 }) };
    type Given = Parameters<typeof postgresMajor.measure>;
    const found = postgresMajor.measure(ctx as unknown as Given[0], facts as unknown as Given[1]);
    return asTold((await found) as { outcome: string; measured: string; fix?: string });
  };
  const goes = await measured({});
  assert.equal(goes.outcome, 'ok');
  assert.match(
    goes.measured,
    /its data go to 17 by dump and restore, into a new folder beside .*, which is kept/,
  );
  assert.equal((await measured({ change: undefined })).outcome, 'fail');
  for (const [changes, says] of [
    [{ others: ['sales', 'tiny_moved_20260131T235959_1'] }, /other databases, .*: sales, tiny_moved_/],
    [{ tablespaces: ['fast'] }, /tablespaces of its own: fast/],
    [{ change: { from: 15, to: 17, folder: join(root, 'link') } }, /link is a link/],
    [{ change: { from: 15, to: 17, folder: '/proc' } }, /\/proc is a mount point/],
    [{ running: 18 }, /no dump goes back to an older one/],
  ] as const) {
    const { outcome, measured: text, fix = '' } = await measured(changes as Parameters<typeof measured>[0]);
    assert.equal(outcome, 'fail', text);
    assert.match(text, says);
    assert.notEqual(fix, '');
  }
  await assert.rejects(measured({ claim: 'another' }), /mounts another/);
});
