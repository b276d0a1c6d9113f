import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { emptyState, type State } from '../../../src/engine/state.ts';
import {
  assertKubernetesVersion,
  assertReleaseReady,
  assertRequirements,
  assertVersionsAgree,
} from '../../../src/flows/upgrade_gate.ts';
import type { HostTools } from '../../../src/flows/session.ts';
import type { Helm, HelmRelease } from '../../../src/host/helm.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { productPaths } from '../../../src/steps/paths.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const root = mkdtempSync(join(tmpdir(), 'gate-'));
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

test('state, chart and release that disagree are refused with all three versions', async () => {
  chartOnDisk('2026.3');
  await assert.rejects(
    assertVersionsAgree(product, paths, installed('2026.1'), helmWith({ appVersion: '2026.2' })),
    (error: Error & { code?: string }) =>
      error.code === 'preflight' &&
      /state says 2026\.1, .*Chart\.yaml says 2026\.3, the Helm release says 2026\.2/.test(error.message),
  );
});

test('a manual helm upgrade of the same version is accepted: only the revision is another', async () => {
  chartOnDisk('2026.1.0');
  await assertVersionsAgree(product, paths, installed('2026.1'), helmWith({ revision: 7 }));
});

test('an unfinished upgrade may have left its own version in chart and release', async () => {
  chartOnDisk('2026.2');
  await assertVersionsAgree(product, paths, installed('2026.1', {}), helmWith({ appVersion: '2026.2' }));
  await assertVersionsAgree(product, paths, installed('2026.1', {}), helmWith({}));
  await assert.rejects(
    assertVersionsAgree(product, paths, installed('2026.1', { status: 'completed' }), helmWith({})),
  );
});

test('a release of another chart is refused by name', async () => {
  chartOnDisk('2026.1');
  await assert.rejects(
    assertVersionsAgree(product, paths, installed('2026.1'), helmWith({ chart: 'other-chart' })),
    /chart other-chart, not of tiny-chart/,
  );
});

function recordsOf(...statuses: string[]): HostTools {
  const secrets = statuses.map((status, place) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `v${place + 1}`, labels: { status, version: String(place + 1), owner: 'helm' } },
  }));
  return { kubectl: { list: () => Promise.resolve(secrets) } } as unknown as HostTools;
}

test('a release that is missing, pending or being removed is refused with what is known', async () => {
  await assertReleaseReady(product, recordsOf('superseded', 'deployed'));
  await assertReleaseReady(product, recordsOf('deployed', 'failed'));
  for (const [host, message] of [
    [recordsOf(), /release tiny is missing/],
    [recordsOf('deployed', 'pending-upgrade'), /is pending-upgrade \(revision 2\)/],
    [recordsOf('uninstalling'), /is uninstalling/],
  ] as const) {
    await assert.rejects(
      assertReleaseReady(product, host),
      (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, 'preflight');
        assert.match(error.message, message);
        assert.match(error.hint ?? '', /k3s kubectl/);
        return true;
      },
    );
  }
});

test("a Kubernetes outside the range is refused, and k3s' suffix does not matter", () => {
  const ranged = { ...product, k3s: { ...product.k3s, versionRange: '>=1.30.0 <1.37.0' } };
  assertKubernetesVersion(ranged, 'v1.34.4+k3s1');
  assert.throws(() => assertKubernetesVersion(ranged, 'v1.29.1+k3s1'), /1\.29\.1.*>=1\.30\.0/);
});

test('all shortages come in one report', () => {
  const short = (id: string) => ({
    id,
    ok: false,
    measured: 1,
    limit: 2,
    unit: 'count' as const,
    why: 'x',
    summary: `${id} is short`,
    fix: `mend ${id}`,
  });
  assert.throws(
    () => assertRequirements([short('cpus'), { ...short('memory'), ok: true }, short('room:/')]),
    (error: Error & { hint?: string }) =>
      /cpus is short; room:\/: room:\/ is short/.test(error.message) &&
      error.hint === 'mend cpus; mend room:/',
  );
});
