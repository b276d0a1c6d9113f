import assert from 'node:assert/strict';
import { test } from 'node:test';
import { livingHelm, readHelmJournal } from '../../../src/host/helm-process.ts';
import { identityOf } from '../../../src/host/system.ts';

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
  assert.equal(livingHelm(readHelmJournal({ process: recorded }))?.pid, process.pid);
  for (const other of [{ startTime: recorded.startTime + 1 }, { bootId: 'another boot' }]) {
    assert.equal(livingHelm(readHelmJournal({ process: { ...recorded, ...other } })), undefined);
  }
  assert.deepEqual(readHelmJournal(undefined), { process: undefined, emptied: false });
  assert.equal(readHelmJournal({ process: { pid: 'x' } }).process, undefined);
});
