import { after, before, test } from 'node:test';
import { fullDiskFrom, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import { type DeployFlow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { assertMended, type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';

/** Signals, the API server and the disk, in each step of the real graphs; then the same command again. */

let host: SimulatedHost;
let begin: Record<DeployFlow, Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

for (const flow of ['install', 'upgrade'] as const) {
  test(`a signal at any place of an ${flow} stops it where the same command resumes`, async () => {
    for (const [at, place] of begin[flow].places.entries()) {
      const signal = at % 2 === 0 ? 'SIGINT' : 'SIGTERM';
      const exitCode = signal === 'SIGINT' ? 130 : 143;
      await assertMended(host, begin[flow], `${signal} at ${place}`, signalAt(place, signal), [exitCode]);
    }
  });

  test(`an API server that is gone from any step of an ${flow} on ends it with a hint, and the same command resumes`, async () => {
    for (const { id } of stepsOf[flow]) {
      await assertMended(host, begin[flow], `no API from ${id} on`, noApiFrom(`${id}:running`), [6]);
    }
  });

  test(`an API server that refuses one call of any step of an ${flow} costs no more than the same command`, async () => {
    for (const { id } of stepsOf[flow]) {
      await assertMended(host, begin[flow], `one call of ${id}`, noApiFrom(`${id}:running`, 1), [6]);
    }
  });

  for (const journal of [true, false]) {
    const what = journal ? 'a disk' : 'a disk, but for the journal,';
    test(`${what} that is full from any step of an ${flow} on ends it with a hint, and the same command resumes`, async () => {
      for (const { id } of stepsOf[flow]) {
        const full = fullDiskFrom(`${id}:running`, { journal });
        await assertMended(host, begin[flow], `full from ${id} on`, full, [6]);
      }
    });
  }
}
