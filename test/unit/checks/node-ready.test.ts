import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from '../../fixtures/measured.ts';
import { withoutNode } from '../../../src/checks/check.ts';
import { diskPressure } from '../../../src/checks/disk-pressure.ts';
import type { HostFacts } from '../../../src/checks/facts.ts';
import { imageGc } from '../../../src/checks/image-gc.ts';
import { nodeReady } from '../../../src/checks/node-ready.ts';
import { schedule } from '../../../src/checks/schedule.ts';
import type { NodeObject } from '../../../src/release/cluster-objects.ts';

function node(conditions: Record<string, string>): Partial<HostFacts> {
  const one = {
    metadata: { name: 'n1' },
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  } as NodeObject;
  return { cluster: async () => ({ nodes: [one], pods: [], claims: [] }) } as unknown as HostFacts;
}

test('a node that is not ready fails by its name', async () => {
  assert.equal((await measured(nodeReady, {}, node({ Ready: 'True' }))).outcome, 'ok');
  for (const conditions of [{ Ready: 'False' }, { Ready: 'Unknown' }, {}]) {
    const found = await measured(nodeReady, {}, node(conditions as Record<string, string>));
    assert.deepEqual([found.outcome, found.fix], ['fail', 'k3s kubectl describe node n1']);
  }
});

test('a node under pressure fails by its name', async () => {
  const calm = { DiskPressure: 'False', MemoryPressure: 'False', PIDPressure: 'False' };
  assert.equal((await measured(diskPressure, {}, node(calm))).outcome, 'ok');
  assert.match(
    (await measured(diskPressure, {}, node({ DiskPressure: 'True' }))).measured,
    /n1: DiskPressure/,
  );
});

test('a pressure that a node does not report is not known, and is not taken for none', async () => {
  const calm = { DiskPressure: 'False', MemoryPressure: 'False' };
  for (const conditions of [calm, { ...calm, PIDPressure: 'Unknown' }]) {
    const found = await measured(diskPressure, {}, node(conditions));
    assert.deepEqual(
      [found.outcome, found.measured, found.fix],
      ['warn', 'not known: node n1 does not report PIDPressure', 'k3s kubectl describe node n1'],
    );
  }
  const none = { cluster: async () => ({ nodes: [], pods: [], claims: [] }) } as unknown as HostFacts;
  // That there is no node is told once, by the check that blocks.
  for (const check of [nodeReady, diskPressure, imageGc])
    assert.deepEqual(await measured(check, {}, none), withoutNode, check.id);
  const [told] = [await measured(schedule, { flow: 'install' }, none)].flat();
  assert.deepEqual([told?.outcome, told?.measured], ['fail', 'the cluster has no node']);
});
