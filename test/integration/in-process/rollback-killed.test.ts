import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  assertSurvives,
  type Beginning,
  beginnings,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';

/**
 * A rollback of a completed install to its namespace, killed at every place of its journal and around
 * programs and file operations; one in `stride` is tried (IN_PROCESS_STRIDE=1 for all of them).
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 24);

let host: SimulatedHost;
let begin: Beginning;
before(async () => {
  host = await SimulatedHost.start();
  begin = (await beginnings(host)).rollback;
});
after(() => host.close());

for (const powerCut of [false, true]) {
  const how = powerCut ? 'whose host loses power' : 'that is killed';
  test(`a rollback ${how} at any place ends as an undisturbed one when it is typed again`, async () => {
    const { killed } = await interruptions(host, begin, ({ kind }) => kind === 'place', { powerCut });
    assert.deepEqual(killed.map(({ name }) => name).sort(), begin.places.toSorted());
    for (const { name, world } of killed) {
      host.become(world);
      await assertSurvives(host, begin, `rollback ${how} at ${name}`);
    }
  });
}

test('killed around any program or file operation, it ends as an undisturbed one when it is typed again', async () => {
  let count = 0;
  const { killed } = await interruptions(
    host,
    begin,
    ({ kind }) => kind !== 'place' && (count += 1) % stride === 0,
  );
  assert.ok(killed.length > 10, `${killed.length} tried`);
  for (const { name, world } of killed) {
    host.become(world);
    await assertSurvives(host, begin, `rollback killed ${name}`);
  }
});
