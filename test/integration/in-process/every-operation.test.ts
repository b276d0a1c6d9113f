import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import { type DeployFlow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  assertSurvives,
  type Beginning,
  beginnings,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';

/**
 * Every program call is killed before, in the middle of and after it; file operations of the steps lose
 * power, one in `stride` of those that leave different worlds (IN_PROCESS_STRIDE=1 for all of them). The
 * journal's own are tried with the engine.
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 8);

let host: SimulatedHost;
let begin: Record<DeployFlow, Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

const isProgram = (event: HostEvent) => event.kind === 'program';
const isOwnFile = (event: HostEvent) =>
  event.kind === 'file' && !/\/(state\.json[^/]*|\.installer)$/.test(event.path);

for (const flow of ['install', 'upgrade'] as const) {
  test(`an ${flow} that is killed around any program call ends as an undisturbed one when it is typed again`, async () => {
    const { killed, seen } = await interruptions(host, begin[flow], isProgram);
    assert.ok(seen >= 30, `${seen} worlds`);
    for (const { name, world } of killed) {
      host.become(world);
      await assertSurvives(host, begin[flow], `killed ${name}`);
    }
  });

  test(`an ${flow} that loses power around any file operation ends as an undisturbed one when it is typed again`, async () => {
    const { killed, seen } = await interruptions(host, begin[flow], isOwnFile, { powerCut: true, stride });
    assert.ok(seen >= 100, `${seen} worlds`);
    for (const { name, world } of killed) {
      host.become(world);
      await assertSurvives(host, begin[flow], `power cut ${name}`);
    }
  });
}
