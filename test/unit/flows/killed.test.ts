import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { installSteps } from '../../../src/flows/install_graph.ts';
import { upgradeSteps } from '../../../src/flows/upgrade_graph.ts';
import { type Flow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  assertSurvives,
  type Beginning,
  beginnings,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/**
 * The real graphs over a simulated host: killed at each place of the journal, then the same command again. Every single operation
 * is tried by the integration suite.
 */

let host: SimulatedHost;
let begin: Record<Flow, Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

const product = { health: tinyProduct.health } as unknown as Parameters<typeof installSteps>[0];
const graphs = { install: installSteps(product), upgrade: upgradeSteps(product) };

for (const flow of ['install', 'upgrade'] as const) {
  test(`an ${flow} that is killed at any place ends as an undisturbed one when it is typed again`, async () => {
    const killed = await interruptions(host, begin[flow], ({ kind }) => kind === 'place');
    const places = graphs[flow].flatMap(({ id, midpoint }) => [
      `${id}:running`,
      `${id}:${midpoint}`,
      `${id}:verified`,
    ]);
    assert.deepEqual(killed.map(({ name }) => name).sort(), ['start', ...places].sort());
    for (const { name, world } of killed) {
      host.become(world);
      await assertSurvives(host, begin[flow], `killed at ${name}`);
    }
  });
}
