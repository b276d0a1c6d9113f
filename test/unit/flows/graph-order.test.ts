import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upgradeSteps } from '../../../src/flows/upgrade/steps.ts';
import { FaultyDisk } from '../engine/faulty-disk.ts';
import { gate, invoke, openJournal, step } from '../engine/sample-graph.ts';

interface Node {
  id: string;
  needs: readonly string[];
}

/** Every order in which each node follows what it needs. */
function orders(nodes: readonly Node[], done: readonly string[] = []): string[][] {
  const left = nodes.filter(({ id }) => !done.includes(id));
  if (left.length === 0) return [[...done]];
  return left
    .filter(({ needs }) => needs.every((need) => done.includes(need)))
    .flatMap(({ id }) => orders(nodes, [...done, id]));
}

test('the upgrade ends the same in every order that its graph leaves free, and a step starts only after what it needs', async () => {
  const nodes: Node[] = upgradeSteps({ health: [] }).map(({ id, needs }) => ({ id, needs }));
  const all = orders(nodes);
  // Images are loaded before or after the dump, the snapshot and the chart.
  assert.equal(all.length, 4);
  for (const order of all) {
    const ended = new Map(order.map((id) => [id, gate()]));
    const begun: string[] = [];
    const steps = nodes.map(({ id, needs }) =>
      step(id, {
        needs: [...needs],
        run: async (_, world) => {
          begun.push(id);
          // Each step ends in its turn, however early it was started.
          await ended.get(order[order.indexOf(id) - 1] ?? '')?.opened;
          for (const need of needs) assert.ok(world.effects.includes(need), `${id} after ${need}`);
          world.effects.push(id);
          ended.get(id)?.open();
          return { [id]: 'done' };
        },
      }),
    );
    const host = { disk: new FaultyDisk(), world: { effects: [] as string[] }, events: [] };
    await invoke(host, steps, { arrange: (ready) => ready.toReversed() });
    assert.deepEqual(host.world.effects, order);
    assert.deepEqual(begun.slice(2, 4).sort(), ['upgrade_load_images', 'upgrade_pg_backup']);
    const { state } = await openJournal(host.disk);
    assert.deepEqual(Object.keys(state.derived).sort(), nodes.map(({ id }) => id).sort());
  }
});
