import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../../scripts/in-parallel.ts';

test('all of it is done, started in order, and never more than so many at once', async () => {
  const started: number[] = [];
  let running = 0;
  let most = 0;
  await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    started.push(item);
    most = Math.max(most, (running += 1));
    await sleep(5);
    running -= 1;
  });
  assert.deepEqual(started, [1, 2, 3, 4, 5]);
  assert.equal(most, 2);
  assert.equal(running, 0);
});

test('after a failure nothing is started, what runs ends first, and the first failure is thrown', async () => {
  const ended: number[] = [];
  const started: number[] = [];
  const work = async (item: number) => {
    started.push(item);
    await sleep(item === 1 ? 5 : 50);
    ended.push(item);
    throw new Error(`failed: ${item}`);
  };
  await assert.rejects(inParallel([1, 2, 3], 2, work), /failed: 1/);
  assert.deepEqual(
    [started, ended],
    [
      [1, 2],
      [1, 2],
    ],
  );
});
