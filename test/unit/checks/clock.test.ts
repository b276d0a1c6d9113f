import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeClock } from '../../../src/checks/clock.ts';

const nowMs = Date.parse('2026-11-22T12:00:00Z');

test('a clock away from the API server’s fails, ahead or behind, and so does one before the last recorded run', () => {
  const outcome = (ahead: number, recorded?: string) => judgeClock(ahead, recorded, nowMs).outcome;
  assert.deepEqual(
    [0.4, -3, 20, -59, 3600, -3600].map((ahead) => outcome(ahead)),
    ['ok', 'ok', 'warn', 'warn', 'fail', 'fail'],
  );
  assert.match(judgeClock(-3600, undefined, nowMs).measured, /^3600 s behind/);
  assert.equal(outcome(0, '2026-11-22T12:00:30Z'), 'ok');
  assert.equal(outcome(0, '2026-11-22T13:00:00Z'), 'fail');
  assert.equal(outcome(Number.NaN), 'fail', 'an answer without a date says nothing good');
});
