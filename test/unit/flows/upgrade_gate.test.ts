import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertReleaseReady } from '../../../src/flows/upgrade_gate.ts';
import type { HostTools } from '../../../src/flows/session.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const product = productSchema.parse(tinyProduct);

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
