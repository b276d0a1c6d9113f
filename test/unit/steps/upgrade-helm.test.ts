import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/host/pods.ts';
import { olderThan } from '../../../src/steps/upgrade_helm.ts';

const pod = (name: string, creationTimestamp: string, fields: { ready?: boolean; ending?: boolean } = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      creationTimestamp,
      ...(fields.ending === true ? { deletionTimestamp: creationTimestamp } : {}),
    },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: fields.ready === false ? 'False' : 'True' }],
    },
  }) satisfies Pod;

test('only a pod that serves since before Helm started may be called one that was not recreated', () => {
  const before = '2026-11-22T11:00:00Z';
  const pods = [
    pod('old', before),
    pod('of-this-helm', '2026-11-22T12:00:07Z'),
    pod('in-the-same-second', '2026-11-22T12:00:00Z'),
    pod('terminating', before, { ending: true }),
    pod('migrating', before, { ready: false }),
  ];
  assert.deepEqual(olderThan(pods, '2026-11-22T12:00:00.900Z'), ['old']);
});
