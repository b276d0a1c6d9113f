import { after, before, test } from 'node:test';
import { fullDiskFrom, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import { type Flow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { assertMended, type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';

/** Signals, the API server and the disk, in each step of the real graphs. The integration suite tries all of their places. */

let host: SimulatedHost;
let begin: Record<Flow, Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

for (const flow of ['install', 'upgrade'] as const) {
  test(`a signal in the middle of any step of an ${flow} stops it where the same command goes on`, async () => {
    for (const [at, { id, midpoint }] of stepsOf[flow].entries()) {
      const signal = at % 2 === 0 ? 'SIGINT' : 'SIGTERM';
      const name = `${signal} at ${id}:${midpoint}`;
      await assertMended(host, begin[flow], name, signalAt(`${id}:${midpoint}`, signal), [
        signal === 'SIGINT' ? 130 : 143,
      ]);
    }
  });

  test(`an API server that is gone from any step of an ${flow} on ends it with a hint, and the same command goes on`, async () => {
    for (const { id } of stepsOf[flow]) {
      await assertMended(host, begin[flow], `no API from ${id} on`, noApiFrom(`${id}:running`), [6]);
    }
  });

  test(`a disk that is full from any step of an ${flow} on ends it with a hint, and the same command goes on`, async () => {
    for (const { id } of stepsOf[flow]) {
      await assertMended(
        host,
        begin[flow],
        `full from ${id} on`,
        fullDiskFrom(`${id}:running`, { journal: false }),
        [6],
      );
    }
  });
}
