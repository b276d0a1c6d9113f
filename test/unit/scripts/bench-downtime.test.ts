import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secondsAway } from '../../../scripts/bench-downtime.ts';
import { median } from '../../../scripts/bench-measure.ts';

const lines = (...answers: [at: number, status: string][]) =>
  answers.map(([at, status]) => `1795939430.${at} ${status}\n`).join('');

const near = (text: string, seconds: number) =>
  assert.ok(Math.abs(secondsAway(text) - seconds) < 1e-6, String(secondsAway(text)));

test('the time away is from the last good answer to the next good one', () => {
  near(lines([10, '200'], [20, '200'], [30, '503'], [40, 'none'], [55, '200'], [60, '200']), 0.35);
});

test('all times away count, and what is good in between does not', () => {
  near(lines([10, '200'], [20, 'none'], [30, '200'], [40, '200'], [50, '404'], [60, '200']), 0.4);
});

test('an administration that always answers was never away', () => {
  near(lines([10, '200'], [90, '200']), 0);
});

for (const [what, text] of [
  ['does not answer at first', lines([10, 'none'], [20, '200'])],
  ['does not answer in the end', lines([10, '200'], [20, '503'])],
  ['was never asked', ''],
] as const) {
  test(`nothing is measured where it ${what}`, () => {
    assert.throws(() => secondsAway(text), /has to answer/);
  });
}

test('the median of an even number of values is between the two in the middle', () => {
  assert.deepEqual([median([3]), median([9, 1, 2]), median([4, 1, 3, 2])], [3, 2, 2.5]);
});
