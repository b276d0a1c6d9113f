import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';

const soakMs = 5 * 60_000;

/** Container id and restarts of each pod: unchanged when nothing was started again. */
const containers = async (host: TestHost) => {
  const path =
    'jsonpath={range ' +
    '.items[*]}{.status.containerStatuses[*].containerID} ' +
    '{.status.containerStatuses[*].restartCount}{"\\n"}{end}';
  const { code, stdout, stderr } = await host.kubectl('get', 'pods', '-A', '-o', path);
  assert.equal(code, 0, stderr);
  assert.notEqual(stdout.trim(), '');
  return stdout;
};

/** Two kubelets on one machine end each other's pods unless their hosts are well apart. */
test('two hosts side by side run the product for five minutes without a restart', async () => {
  await withHost('installed-2026.1', 9, (first) =>
    withHost('installed-2026.1', 9, async (second) => {
      const before = [await containers(first), await containers(second)];
      await sleep(soakMs);
      assert.deepEqual([await containers(first), await containers(second)], before);
      await first.untilHealthy();
      await second.untilHealthy();
    }),
  );
});
