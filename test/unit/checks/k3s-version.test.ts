import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from '../../fixtures/measured.ts';
import { k3sVersion } from '../../../src/checks/k3s-version.ts';

test("a Kubernetes outside the range fails, and k3s' suffix does not matter", async () => {
  const product = { k3s: { versionRange: '>=1.30.0 <1.37.0' } };
  const found = (version: string) =>
    measured(k3sVersion, { product, kubectl: { serverVersion: async () => version } });
  assert.equal((await found('v1.34.4+k3s1')).outcome, 'ok');
  const old = await found('v1.29.1+k3s1');
  assert.equal(old.outcome, 'fail');
  assert.match(`${old.measured}, ${old.limit}`, /1\.29\.1.*>=1\.30\.0/);
});
