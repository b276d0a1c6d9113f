import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redactor } from '../../../src/engine/redact.ts';
import type { HelmRelease } from '../../../src/host/helm.ts';
import { assertDeployed, isDeployed } from '../../../src/release/helm-state.ts';
import type { StepContext } from '../../../src/release/context.ts';

const release = (fields: Partial<HelmRelease> = {}): HelmRelease => ({
  name: 'tiny',
  namespace: 'tiny',
  revision: 2,
  status: 'deployed',
  chart: 'tiny-chart',
  version: '1.0.0',
  appVersion: '2026.1',
  ...fields,
});

test('a release is of a version by meaning, with or without a patch of zero in Chart.yaml', () => {
  for (const appVersion of ['2026.1', '2026.1.0']) {
    for (const version of ['2026.1', '2026.1.0']) {
      assert.ok(isDeployed(release({ appVersion }), version), `${appVersion} for ${version}`);
    }
  }
  assert.ok(
    isDeployed(release({ appVersion: '', version: '2026.1.0' }), '2026.1'),
    "the chart's own version",
  );
  for (const other of [
    { appVersion: '2026.1.1' },
    { appVersion: '2026.1-rc.1' },
    { status: 'failed' as const },
  ]) {
    assert.ok(!isDeployed(release(other), '2026.1'), JSON.stringify(other));
  }
  assert.ok(!isDeployed(undefined, '2026.1'));
});

test('what is deployed instead is named', async () => {
  const ctx = (current: HelmRelease | undefined) =>
    ({ helm: { current: () => Promise.resolve(current) }, to: '2026.2' }) as unknown as StepContext;
  await assertDeployed(ctx(release({ appVersion: '2026.2.0' })));
  await assert.rejects(
    assertDeployed(ctx(release())).catch((error: unknown) => Promise.reject(new Redactor().error(error))),
    /deployed with version 2026\.1, not deployed with 2026\.2/,
  );
  await assert.rejects(assertDeployed(ctx(undefined)), /the release is missing/);
});
