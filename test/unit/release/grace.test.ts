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

/** Looks every three seconds; when something was reported, and when it was over, in seconds. */
function watched(
  seen: (second: number) => Trouble[],
  seconds = 600,
  every = 3,
): { told?: number; over?: number } {
  const grace = new Grace(90_000);
  const at: { told?: number; over?: number } = {};
  for (let second = 0; second <= seconds; second += every) {
    const { begun, over } = grace.look(seen(second), second * 1000);
    if (begun.length > 0) at.told ??= second;
    if (over.length > 0) at.over ??= second;
  }
  return at;
}

test('what cannot heal is over after its grace; what may, later; what only waits, never', () => {
  for (const kind of ['image', 'unschedulable', 'refused', 'config', 'job', 'deadline'] as const) {
    assert.deepEqual(
      watched(() => [trouble(kind)]),
      { told: 12, over: 90 },
      kind,
    );
  }
  assert.equal(watched(() => [trouble('stuck')]).over, 180);
  assert.equal(watched(() => [trouble('crash')]).over, 270);
  assert.deepEqual(
    watched(() => [trouble('unready')]),
    {},
  );
  assert.equal(watched(() => [trouble('unready', { overdue: true })]).over, 90);
  assert.equal(watched(() => [trouble('crash', { overdue: true })]).over, 90);
});

test('a trouble that clears for a moment starts again, and one of a rollout is not reported', () => {
  assert.deepEqual(
    watched((second) => (second % 60 === 0 ? [] : [trouble('image')])),
    { told: 15 },
  );
  assert.deepEqual(
    watched((second) => (second < 9 ? [trouble('unschedulable')] : [])),
    {},
  );
});

test('time in which nobody could look does not count', () => {
  assert.equal(watched(() => [trouble('image')], 1200, 60).over, 540);
});
