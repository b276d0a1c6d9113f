import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { idsOf, planned } from '../../fixtures/in-process-host/dry-run.ts';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { beginnings, interruptions } from '../../fixtures/in-process-host/matrix.ts';

/**
 * The real upgrade over a simulated host, killed at each place of the journal: the next dry run knows what is
 * left to do.
 */

let host: SimulatedHost;

before(async () => {
  host = await SimulatedHost.start();
});
after(() => host.close());

test('of a run that was cut off anywhere it says what runs again and what is kept', async () => {
  const { upgrade } = await beginnings(host);
  const { killed } = await interruptions(host, upgrade, ({ kind }) => kind === 'place');
  assert.ok(killed.length > 20);
  for (const { name, world } of killed) {
    host.become(world);
    const { plan } = await planned(host, 'upgrade');
    const { shown } = await host.run('upgrade');
    const end = shown.find((event) => event.type === 'run.completed');
    assert.deepEqual(end?.ran.toSorted(), idsOf(plan, 'run').sort(), name);
    assert.deepEqual(end?.skipped.toSorted(), [...idsOf(plan, 'done'), ...idsOf(plan, 'skip')].sort(), name);
  }
});
