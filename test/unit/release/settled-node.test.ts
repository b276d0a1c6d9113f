import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeObject } from '../../../src/release/cluster-objects.ts';
import { isSettling, settled } from '../../../src/release/settled-node.ts';

const now = new Date('2026-11-27T12:00:00Z');

function node(ready: string | undefined, since: string, ...taints: string[]): NodeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'k3s-node' },
    spec: { taints: taints.map((key) => ({ key, effect: 'NoSchedule' })) },
    status: {
      conditions: ready === undefined ? [] : [{ type: 'Ready', status: ready, lastTransitionTime: since }],
    },
  };
}

const unreachable = 'node.kubernetes.io/unreachable';

test('a node counts as settling while it is news that it is away, or its taint outlives that', () => {
  const cases: [NodeObject, boolean][] = [
    [node('True', '2026-11-01T00:00:00Z'), false],
    [node('True', '2026-11-27T11:59:58Z', unreachable), true],
    [node('True', '2026-11-01T00:00:00Z', 'node.kubernetes.io/not-ready'), true],
    [node('True', '2026-11-01T00:00:00Z', 'node.kubernetes.io/disk-pressure'), false],
    [node('True', '2026-11-01T00:00:00Z', 'dedicated'), false],
    [node('Unknown', '2026-11-27T11:59:30Z', unreachable), true],
    [node('Unknown', '2026-11-27T11:50:00Z', unreachable), false],
    [node('False', '2026-11-27T12:00:02Z'), true],
    [node('False', 'not a time'), false],
    [node(undefined, ''), false],
  ];
  for (const [one, expected] of cases) assert.equal(isSettling(one, now), expected, JSON.stringify(one));
});

test('a node that k3s has just started again is queried until its taint is gone', async () => {
  const answers = [node('Unknown', now.toISOString(), unreachable), node('True', now.toISOString())];
  let asked = 0;
  const read = async () => ({ nodes: [answers[Math.min(asked++, 1)] as NodeObject] });
  const found = await settled(read, { now: () => now, signal: new AbortController().signal }, 1);
  assert.deepEqual(found.nodes, [answers[1]]);
  assert.equal(asked, 2);
});

test('a stop ends the waiting', async () => {
  const stop = new AbortController();
  const found = settled(async () => ({ nodes: [node('Unknown', now.toISOString(), unreachable)] }), {
    now: () => now,
    signal: stop.signal,
  });
  setImmediate(() => stop.abort(new Error('stopped')));
  await assert.rejects(found, { name: 'AbortError' });
});
