import { after, before, test } from 'node:test';
import { fullDiskFrom, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { assertMended, type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';

/** Signals, the API server and the disk, in each step of a rollback; then the same command again. */

let host: SimulatedHost;
let begin: Beginning;

before(async () => {
  host = await SimulatedHost.start();
  begin = (await beginnings(host)).rollback;
});
after(() => host.close());

test('a signal at any place of a rollback stops it where the same command resumes', async () => {
  for (const [at, place] of begin.places.entries()) {
    const signal = at % 2 === 0 ? 'SIGINT' : 'SIGTERM';
    const exitCode = signal === 'SIGINT' ? 130 : 143;
    await assertMended(host, begin, `${signal} at ${place}`, signalAt(place, signal), [exitCode]);
  }
});

test('an API server that is gone, or refuses one call, costs no more than the same command', async () => {
  for (const { id } of stepsOf.rollback) {
    await assertMended(host, begin, `no API from ${id} on`, noApiFrom(`${id}:running`), [6]);
    await assertMended(host, begin, `one call of ${id}`, noApiFrom(`${id}:running`, 1), [6]);
  }
});

test('a disk that is full from any step on, with or without the journal, costs no more than the same command', async () => {
  for (const { id } of stepsOf.rollback) {
    for (const journal of [true, false]) {
      const full = fullDiskFrom(`${id}:running`, { journal });
      await assertMended(host, begin, `full from ${id} on, journal ${journal}`, full, [6]);
    }
  }
});
