import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { emptyState, type State } from '../../../src/engine/state.ts';
import type { Helm, HelmRelease } from '../../../src/host/helm.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { versions } from '../../../src/checks/versions.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { measured } from '../../fixtures/measured.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const root = mkdtempSync(join(tmpdir(), 'versions-'));
after(() => rmSync(root, { recursive: true }));
const product = { ...productSchema.parse(tinyProduct), folder: root };
const paths = productPaths(product);
mkdirSync(paths.chart, { recursive: true });

function chartOnDisk(version: string): void {
  writeFileSync(
    join(paths.chart, 'Chart.yaml'),
    `apiVersion: v2\nname: tiny-chart\nversion: 1.0.0\nappVersion: "${version}"\n`,
  );
}

function helmWith(release: Partial<HelmRelease>): Helm {
  const current = {
    name: 'tiny',
    namespace: 'tiny',
    revision: 1,
    status: 'deployed',
    chart: 'tiny-chart',
    version: '2026.1.0',
    appVersion: '2026.1',
    ...release,
  } satisfies HelmRelease;
  return { current: () => Promise.resolve(current) } as unknown as Helm;
}

function installed(version: string, run?: Partial<NonNullable<State['run']>>): State {
  const state = emptyState('tiny');
  state.installed = { version, payloadDigest: 'a', completedAt: '2026-01-01T00:00:00Z' };
  if (run !== undefined) {
    state.run = {
      id: 'r',
      flow: 'upgrade',
      from: version,
      to: '2026.2',
      payloadDigest: 'b',
      startedAt: '2026-01-02T00:00:00Z',
      status: 'failed',
      binary: '/opt/new/tiny',
      order: [],
      steps: {},
      ...run,
    };
  }
  return state;
}
const outcome = async (state: State, helm: Helm) =>
  (await measured(versions, { paths, helm, program: './ivaap', state })).outcome;

test('state, chart and release that disagree fail with all three versions', async () => {
  chartOnDisk('2026.3');
  const found = await measured(versions, {
    paths,
    helm: helmWith({ appVersion: '2026.2' }),
    program: './ivaap',
    state: installed('2026.1'),
  });
  assert.equal(found.outcome, 'fail');
  assert.match(
    asTold(found.measured),
    /state says 2026\.1, .*Chart\.yaml says 2026\.3, the Helm release says 2026\.2/,
  );
});

test('a manual helm upgrade of the same version is accepted: only the revision is another', async () => {
  chartOnDisk('2026.1.0');
  assert.equal(await outcome(installed('2026.1'), helmWith({ revision: 7 })), 'ok');
});

test('an unfinished upgrade may have left its own version in chart and release', async () => {
  chartOnDisk('2026.2');
  assert.equal(await outcome(installed('2026.1', {}), helmWith({ appVersion: '2026.2' })), 'ok');
  assert.equal(await outcome(installed('2026.1', {}), helmWith({})), 'ok');
  assert.equal(await outcome(installed('2026.1', { status: 'completed' }), helmWith({})), 'fail');
});

test('a release whose only record a repair has removed is no disagreement', async () => {
  chartOnDisk('2026.1');
  const none = { current: () => Promise.resolve(undefined) } as unknown as Helm;
  assert.equal(await outcome(installed('2026.1'), none), 'fail');
  assert.equal(await outcome({ ...installed('2026.1'), helm: { emptied: true } }, none), 'ok');
});
