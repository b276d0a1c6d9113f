import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MigrationSample, MigrationWatch } from '../../../src/policy/migration-watch.ts';

const quietMs = 90_000;
const sample = (atMs: number, more: Partial<MigrationSample> = {}): MigrationSample => ({
  atMs,
  version: 3,
  rollbacks: 0,
  openSeconds: 0,
  ...more,
});

/** What it says of each of them. */
async function judged(samples: readonly MigrationSample[], objects: () => string = () => 'same') {
  const watch = new MigrationWatch(quietMs);
  const found: (string | undefined)[] = [];
  for (const one of samples) found.push(await watch.judge(one, () => Promise.resolve(objects())));
  return found;
}

test('one transaction that lasts for an hour is at work', async () => {
  const samples = Array.from({ length: 60 }, (_, at) => sample(at * 60_000, { openSeconds: at * 60 }));
  assert.deepEqual(new Set(await judged(samples)), new Set([undefined]));
});

test('where nothing happens for the grace period it does not come on', async () => {
  const found = await judged([sample(0), sample(89_000), sample(90_001)]);
  assert.deepEqual(found, [undefined, undefined, 'for 90 s nothing was done at schema version 3']);
});

test('each version that is reached begins another period', async () => {
  const samples = [3, 3, 4, 4, 5].map((version, at) => sample(at * 60_000, { version }));
  assert.deepEqual(new Set(await judged(samples)), new Set([undefined]));
});

test('the same migration that fails again and again has failed, once the objects are known to stay', async () => {
  const samples = Array.from({ length: 12 }, (_, at) => sample(at * 1000, { rollbacks: at }));
  const found = await judged(samples);
  assert.equal(
    found.slice(0, 10).every((one) => one === undefined),
    true,
  );
  assert.equal(found[10], 'it failed 5 times at schema version 3');
});

test('a program that tries things in transactions of its own goes on while the schema changes', async () => {
  let count = 0;
  const samples = Array.from({ length: 60 }, (_, at) => sample(at * 1000, { rollbacks: at }));
  const found = await judged(samples, () => String((count += 1)));
  assert.deepEqual(new Set(found), new Set([undefined]));
  assert.ok(count > 5);
});

test('what was rolled back on the way to a version does not count against the next', async () => {
  const samples = [
    sample(0),
    sample(1000, { rollbacks: 4 }),
    sample(2000, { version: 4, rollbacks: 4 }),
    sample(3000, { version: 4, rollbacks: 8 }),
  ];
  assert.deepEqual(await judged(samples), [undefined, undefined, undefined, undefined]);
});
