import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject, StepIo } from '../../../src/engine/step.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { Payload } from '../../../src/payload/reader.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { upgradeChartSwap } from '../../../src/steps/upgrade_chart_swap.ts';
import { upgradeSnapshot } from '../../../src/steps/upgrade_snapshot.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

const planned = { action: 'run', summary: '' } as const;
let tiny: TinyPayload;
let payload: Payload;
const root = mkdtempSync(join(tmpdir(), 'upgrade-files-'));

before(async () => {
  tiny = await makeTinyPayload({ version: '2026.2', product: { folder: root } });
  payload = await openPayload(tiny.path);
});
after(async () => {
  await payload.close();
  tiny.remove();
  rmSync(root, { recursive: true });
});

async function context(): Promise<UpgradeContext> {
  const product = await payload.product();
  return {
    product,
    payload,
    index: await payload.index(),
    paths: productPaths(product),
    to: '2026.2',
    now: () => new Date('2026-05-01T10:20:30Z'),
    helm: {
      current: () => Promise.resolve({ revision: 4 }),
      values: () => Promise.resolve('{"host":"a"}'),
      history: () => Promise.resolve([{ revision: 4 }]),
    },
    kubectl: { get: () => Promise.resolve({ kind: 'Secret' }) },
  } as unknown as UpgradeContext;
}

function io(
  results: Record<string, JsonObject>,
  interrupted?: JsonObject,
  originals: JsonObject = {},
): StepIo {
  return {
    signal: new AbortController().signal,
    progress: () => {},
    log: () => {},
    warn: () => {},
    say: () => {},
    note: () => {},
    remind: () => {},
    tell: () => {},
    waived: () => Promise.resolve(),
    recordOriginal: async (data) => {
      for (const [key, value] of Object.entries(data)) originals[key] ??= value;
    },
    originals,
    checkpoint: async () => {},
    record: () => Promise.resolve(),
    pointOfNoReturn: () => Promise.resolve(),
    result: (step) => step.out.safeParse(results[step.id]).data,
    interrupted,
  };
}

const dump = (folder: string) => ({
  upgrade_pg_backup: {
    pgDump: {
      folder,
      path: join(folder, 'tinydb.sql'),
      sizeBytes: 1,
      sha256: 'x',
      rows: 1,
      owner: 'tiny',
      schemaVersion: 1,
      takenAt: '2026-05-01T10:20:00Z',
    },
  },
});

test('a snapshot is next to the dump; one that is complete is never written over', async () => {
  const ctx = await context();
  const folder = join(ctx.paths.backups, 'first');
  mkdirSync(folder, { recursive: true });
  writeFileSync(ctx.paths.state, '{}');
  writeFileSync(ctx.paths.values, 'host: a\n');
  const out = await upgradeSnapshot.run(ctx, io(dump(folder)), planned);
  await upgradeSnapshot.verify?.(ctx, out);
  assert.deepEqual(readdirSync(folder).sort(), [
    'helm-history.json',
    'helm-release-secret.json',
    'helm-values.json',
    'state.json',
    'tiny.values.yaml',
  ]);
  writeFileSync(ctx.paths.values, 'host: changed\n');
  const again = await upgradeSnapshot.run(ctx, io(dump(folder)), planned);
  assert.notEqual(again.snapshot.folder, folder);
  assert.equal(readFileSync(join(folder, 'tiny.values.yaml'), 'utf8'), 'host: a\n');
});

test('the new chart takes the place of the old one, which is kept; a re-run keeps what was kept', async () => {
  const ctx = await context();
  const folder = join(ctx.paths.backups, 'second');
  const old = join(ctx.paths.chart, 'Chart.yaml');
  mkdirSync(folder, { recursive: true });
  mkdirSync(ctx.paths.chart, { recursive: true });
  writeFileSync(old, 'version: old\n');
  const results = { upgrade_snapshot: { snapshot: { folder, files: ['x'], helmRevision: 1 } } };
  const out = await upgradeChartSwap.run(ctx, io(results), planned);
  await upgradeChartSwap.verify?.(ctx, out);
  const kept = join(folder, 'TinyChart/Chart.yaml');
  assert.equal(readFileSync(kept, 'utf8'), 'version: old\n');
  assert.match(readFileSync(old, 'utf8'), /appVersion: "2026\.2"/);
  assert.equal(out.previousChart, join(folder, 'TinyChart'));

  await upgradeChartSwap.run(ctx, io(results), planned);
  assert.equal(readFileSync(kept, 'utf8'), 'version: old\n');
});

test('a swap that was cut off without a chart in place places the new one', async () => {
  const ctx = await context();
  const folder = join(ctx.paths.backups, 'third');
  mkdirSync(folder, { recursive: true });
  rmSync(ctx.paths.chart, { recursive: true });
  const results = { upgrade_snapshot: { snapshot: { folder, files: ['x'], helmRevision: 1 } } };
  const out = await upgradeChartSwap.run(ctx, io(results), planned);
  assert.equal(out.previousChart, null);
  assert.equal(existsSync(join(ctx.paths.chart, 'templates/config.yaml')), true);
});

test('a changed file in the chart is found by verify', async () => {
  const ctx = await context();
  writeFileSync(join(ctx.paths.chart, 'extra.yaml'), '');
  const out = { chart: { path: ctx.paths.chart, version: ctx.to }, previousChart: null };
  await assert.rejects(async () => upgradeChartSwap.verify?.(ctx, out), /is not the chart of this payload/);
});

test('once the chart was replaced, a later backup keeps the old one all the same, never the new one', async () => {
  const ctx = await context();
  const old = join(ctx.paths.chart, 'Chart.yaml');
  rmSync(ctx.paths.chart, { recursive: true });
  mkdirSync(ctx.paths.chart, { recursive: true });
  writeFileSync(old, 'version: old\n');
  const originals: JsonObject = {};
  const keptIn = async (name: string) => {
    const folder = join(ctx.paths.backups, name);
    mkdirSync(folder, { recursive: true });
    const results = { upgrade_snapshot: { snapshot: { folder, files: ['x'], helmRevision: 1 } } };
    const out = await upgradeChartSwap.run(ctx, io(results, undefined, originals), planned);
    return readFileSync(join(String(out.previousChart), 'Chart.yaml'), 'utf8');
  };
  assert.equal(await keptIn('fourth'), 'version: old\n');
  assert.match(readFileSync(old, 'utf8'), /appVersion: "2026\.2"/);
  assert.equal(await keptIn('fifth'), 'version: old\n');
  assert.equal(originals['oldChart'], join(ctx.paths.backups, 'fourth/TinyChart'));
});

test('a later snapshot has the overlay of the installed release, not that of the unfinished upgrade', async () => {
  const ctx = await context();
  writeFileSync(ctx.paths.state, '{}');
  const originals: JsonObject = {};
  const overlayIn = async (name: string) => {
    const folder = join(ctx.paths.backups, name);
    mkdirSync(folder, { recursive: true });
    await upgradeSnapshot.run(ctx, io(dump(folder), undefined, originals), planned);
    const file = join(folder, basename(ctx.paths.overlay));
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  writeFileSync(ctx.paths.overlay, 'installed: 1\n');
  assert.equal(await overlayIn('sixth'), 'installed: 1\n');
  writeFileSync(ctx.paths.overlay, 'upgrade: 1\n');
  assert.equal(await overlayIn('seventh'), 'installed: 1\n');
  rmSync(ctx.paths.overlay);
});

test('a snapshot that was cut off is finished in its own folder, next to its dump', async () => {
  const ctx = await context();
  const folder = join(ctx.paths.backups, 'eighth');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'helm-history.json'), '');
  const out = await upgradeSnapshot.run(ctx, io(dump(folder), { folder }), planned);
  assert.equal(out.snapshot.folder, folder);
});
