import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Grace } from '../../../src/release/grace.ts';
import type { Trouble } from '../../../src/release/troubles.ts';

const trouble = (kind: Trouble['kind'], fields: Partial<Trouble> = {}): Trouble => ({
  kind,
  workload: 'Deployment/backend',
  message: 'words',
  pods: ['a'],
  addresses: [],
  runs: false,
  ofHook: false,
  ofRelease: true,
  overdue: false,
  probe: undefined,
  event: undefined,
  log: undefined,
  ...fields,
});

/** Looks every three seconds; when something was reported, and when its grace expired, in seconds. */
function watched(
  seen: (second: number) => Trouble[],
  seconds = 600,
  every = 3,
): { reported?: number; expired?: number } {
  const grace = new Grace(90_000);
  const at: { reported?: number; expired?: number } = {};
  for (let second = 0; second <= seconds; second += every) {
    const { toReport, expired } = grace.look(seen(second), second * 1000);
    if (toReport.length > 0) at.reported ??= second;
    if (expired.length > 0) at.expired ??= second;
  }
  return at;
}

test('what cannot recover expires after its grace period; what may, later; what only waits, never', () => {
  for (const kind of ['image', 'unschedulable', 'refused', 'config', 'job', 'deadline'] as const) {
    assert.deepEqual(
      watched(() => [trouble(kind)]),
      { reported: 12, expired: 90 },
      kind,
    );
  }
  assert.equal(watched(() => [trouble('stuck')]).expired, 180);
  assert.equal(watched(() => [trouble('crash')]).expired, 270);
  assert.deepEqual(
    watched(() => [trouble('unready')]),
    {},
  );
  assert.equal(watched(() => [trouble('unready', { overdue: true })]).expired, 90);
  assert.equal(watched(() => [trouble('crash', { overdue: true })]).expired, 90);
});

test('a trouble that clears for a moment starts again, and one of a rollout is not reported', () => {
  assert.deepEqual(
    watched((second) => (second % 60 === 0 ? [] : [trouble('image')])),
    { reported: 15 },
  );
  assert.deepEqual(
    watched((second) => (second < 9 ? [trouble('unschedulable')] : [])),
    {},
  );
});

test('time in which nobody could look does not count', () => {
  assert.equal(watched(() => [trouble('image')], 1200, 60).expired, 540);
});
