import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runningHelm, ownSpan, readHelmJournal } from '../../../src/host/helm-process.ts';
import { bootId, identityOf, uptimeSeconds } from '../../../src/host/system.ts';

test('the Helm of the journal lives only as the very process that was recorded', () => {
  const recorded = {
    ...identityOf(process.pid),
    verb: 'upgrade',
    begunAt: '2026-11-22T12:00:00Z',
    until: '2026-11-22T12:20:00Z',
    latest: '2026-11-22T12:40:00Z',
    revisionBefore: 1,
    values: 'a',
    payload: 'b',
  };
  assert.equal(runningHelm(readHelmJournal({ process: recorded }))?.pid, process.pid);
  for (const other of [{ startTime: recorded.startTime + 1 }, { bootId: 'another boot' }]) {
    assert.equal(runningHelm(readHelmJournal({ process: { ...recorded, ...other } })), undefined);
  }
  assert.deepEqual(readHelmJournal(undefined), { process: undefined, emptied: false });
  assert.equal(readHelmJournal({ process: { pid: 'x' } }).process, undefined);
});

test("a Helm's records were started between its start and its end: seen by us, by a reboot, or by its own limits", () => {
  const begun = Date.now() - 30 * 60_000;
  const time = (minutes: number) => new Date(begun + minutes * 60_000).toISOString();
  const helm = {
    pid: 1,
    startTime: 1,
    bootId: bootId(),
    verb: 'upgrade' as const,
    begunAt: time(0),
    until: time(20),
    latest: time(40),
    revisionBefore: 1,
    values: 'a',
    payload: 'b',
  };
  const minutes = (process: typeof helm & { endedAt?: string }) => {
    const { from, first, to } = ownSpan(process);
    return [from, first, to].map((at) => Math.round((at.getTime() - begun) / 60_000) + 0);
  };
  assert.deepEqual(minutes(helm), [0, 5, 40]);
  assert.deepEqual(minutes({ ...helm, endedAt: time(3) }), [0, 3, 3]);
  const slackMs = 5000;
  const ends = Math.min(Date.parse(helm.latest), Date.now() - uptimeSeconds() * 1000) + slackMs;
  const { to } = ownSpan({ ...helm, bootId: 'before' });
  // Clock and uptime are read one after the other.
  assert.ok(Math.abs(to.getTime() - ends) < 2000, `${to.toISOString()}, ${new Date(ends).toISOString()}`);
});
