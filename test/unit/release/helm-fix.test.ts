import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../../../src/host/program-failure.ts';
import { fixFor } from '../../../src/release/helm-fix.ts';
import type { StepContext } from '../../../src/release/context.ts';
import type { Trouble } from '../../../src/release/troubles.ts';

const ctx = {
  product: { namespace: 'tiny', database: { selector: 'app=db' } },
  paths: { values: '/opt/tiny/tiny.values.yaml' },
} as unknown as StepContext;

const ended = (endedBy: string | undefined) =>
  failure('helm upgrade ended', { exitCode: 1, endedBy, reason: 'exit', stdout: '', stderr: '' });
const trouble = (kind: Trouble['kind'], message = ''): Trouble[] => [
  {
    kind,
    message,
    workload: 'w',
    pods: [],
    addresses: [],
    runs: false,
    ofHook: false,
    ofRelease: true,
    overdue: false,
    probe: undefined,
    event: undefined,
    log: undefined,
  },
];
const mend = (said: string, troubles: Trouble[] = [], endedBy?: string) =>
  fixFor(ctx, { error: ended(endedBy), said, troubles });

test('the values file is named only where it may be the cause', () => {
  const values = /tiny\.values\.yaml/;
  assert.match(mend('Error: cannot unmarshal string'), values);
  assert.match(mend('', trouble('image')), values);
  assert.match(mend('', trouble('crash')), values);
  for (const [text, other] of [
    [mend('', [], 'SIGKILL'), /journalctl/],
    [mend('admission webhook "x" denied the request'), /rule/],
    [mend('deployments.apps "x" is forbidden: change freeze'), /rule/],
    [mend('', trouble('refused', 'forbidden: exceeded quota: five')), /k3s kubectl describe quota -n tiny/],
    [mend('', trouble('refused', 'forbidden: change freeze')), /rule/],
    [
      mend('', trouble('refused', 'forbidden: exceeded quota: five, requested: pods=1')),
      /\(k3s kubectl describe resourcequota five -n tiny\)/,
    ],
    [
      mend('', trouble('refused', 'failed calling webhook "dead.example.com"')),
      /rule.*\(k3s kubectl get validatingwebhookconfigurations,/,
    ],
    [mend('', trouble('unschedulable')), /k3s kubectl describe nodes/],
    [mend('', trouble('stuck')), /k3s kubectl get events -n tiny/],
  ] as const) {
    assert.match(text, other);
    assert.doesNotMatch(text, values);
  }
});

test('a password that the database refuses is told as that, and nobody is blamed', () => {
  for (const said of [
    '  log: FATAL: password authentication failed for user "tiny"',
    '  log: org.postgresql.util.PSQLException: FATAL (SQLSTATE 28P01)',
  ]) {
    const lines = ['Deployment/server: server: ended with exit code 1', said];
    const text = fixFor(ctx, { error: ended(undefined), said: '', troubles: trouble('crash'), lines });
    assert.match(text, /^The database refuses the password that the new pods use; .* is not known/);
    assert.ok(text.includes('k3s kubectl logs -n tiny -l app=db --tail=200 | grep -i password'), text);
    assert.doesNotMatch(text, /values/);
  }
});

test('what is left of a hook that failed is removed by the command that is named', () => {
  const rows = [
    [
      'pre-upgrade hooks failed: resource Job/tiny/prepare not ready. status: Failed, message: Job Failed',
      'job',
    ],
    ['post-upgrade hooks failed: resource Pod/tiny/prepare not ready. status: Failed', 'pod'],
    [
      'post-upgrade hooks failed: warning: Hook post-upgrade t/hook.yaml failed: server-side ' +
        'apply failed for object tiny/prepare batch/v1, Kind=Job: Job.batch "prepare" is invalid: ' +
        'spec.template: field is immutable',
      'job',
    ],
  ] as const;
  for (const [said, kind] of rows) {
    const text = mend(`Error: UPGRADE FAILED: ${said}`, trouble('job'));
    assert.ok(text.includes(`(k3s kubectl delete ${kind} prepare -n tiny --ignore-not-found)`), text);
  }
});
