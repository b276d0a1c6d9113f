import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../../src/host/program-failure.ts';
import { mendOf } from '../../../src/release/helm-mend.ts';
import type { StepContext } from '../../../src/release/context.ts';
import type { Trouble } from '../../../src/release/troubles.ts';

const ctx = {
  product: { namespace: 'tiny' },
  paths: { values: '/opt/tiny/tiny.values.yaml' },
} as unknown as StepContext;

const ended = (endedBy: string | undefined) =>
  failure('helm upgrade ended', { exitCode: 1, endedBy, reason: 'exit', stdout: '', stderr: '' });
const trouble = (kind: Trouble['kind'], words = ''): Trouble[] => [
  {
    kind,
    words,
    workload: 'w',
    pods: [],
    addresses: [],
    ofRelease: true,
    overdue: false,
    probe: undefined,
    event: undefined,
    log: undefined,
  },
];
const mend = (said: string, troubles: Trouble[] = [], endedBy?: string) =>
  mendOf(ctx, { error: ended(endedBy), said, troubles });

test('the values file is named only where it may be the cause', () => {
  const values = /tiny\.values\.yaml/;
  assert.match(mend('Error: cannot unmarshal string'), values);
  assert.match(mend('', trouble('image')), values);
  assert.match(mend('', trouble('crash')), values);
  for (const [text, other] of [
    [mend('', [], 'SIGKILL'), /journalctl/],
    [mend('admission webhook "x" denied the request'), /rule/],
    [mend('deployments.apps "x" is forbidden: change freeze'), /rule/],
    [
      mend('', trouble('refused', 'is forbidden: exceeded quota: five')),
      /k3s kubectl describe quota -n tiny/,
    ],
    [mend('', trouble('unschedulable')), /k3s kubectl describe nodes/],
    [mend('', trouble('stuck')), /k3s kubectl get events -n tiny/],
  ] as const) {
    assert.match(text, other);
    assert.doesNotMatch(text, values);
  }
});
