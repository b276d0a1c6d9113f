import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { DiskReserve, reserveOf } from '../../../src/host/reserve.ts';

const gib = 1024 ** 3;
const usual = { bytes: gib, percent: 5 };

test('what is kept free is the larger limit, ten gibibytes of a large disk and a tenth of a small one', () => {
  assert.equal(reserveOf(100 * gib, usual), 5 * gib);
  assert.equal(reserveOf(15 * gib, usual), gib);
  assert.equal(reserveOf(4000 * gib, usual), 10 * gib);
  assert.equal(reserveOf(2 * gib, usual), Math.round(0.2 * gib));
});

test('a disk with more than that lets everybody write', async () => {
  const free = await DiskReserve.at(tmpdir(), { bytes: 0, percent: 0 });
  free.spend(2 ** 30);
  assert.equal(free.keptBytes, 0);
  assert.equal(await free.during(undefined, async (signal) => signal.aborted), false);
});

test('a wish to stop reaches a guarded writer as it is', async () => {
  const free = await DiskReserve.at(tmpdir(), { bytes: 0, percent: 0 });
  const stop = new AbortController();
  const work = free.during(stop.signal, async (signal) => {
    stop.abort(new Error('asked to stop'));
    await sleep(10);
    signal.throwIfAborted();
  });
  await assert.rejects(work, /asked to stop/);
});
