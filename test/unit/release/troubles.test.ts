import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Pod } from '../../../src/host/pods.ts';
import { causeLines } from '../../../src/release/trouble-text.ts';
import { podCount, type Trouble, troublesOf } from '../../../src/release/troubles.ts';
import { backend, controller, event, pod, view } from '../../fixtures/namespace-view.ts';

const now = new Date('2026-11-22T12:05:00Z');
const since = new Date('2026-11-22T12:00:00Z');
const look = (parts: Parameters<typeof view>[0], selector?: string): Trouble[] =>
  asTold(troublesOf(view(parts), { now, since, selector, release: { release: 'tiny', namespace: 'tiny' } }));
const brief = (troubles: Trouble[]) =>
  troubles.map(({ workload, kind, message }) => [workload, kind, message]);
const ofBackend = (pods: Pod[]) => ({ pods, controllers: [backend.deployment(), backend.replicaSet] });

test('each way in which a pod does not come up has its kind and the message of its reporter', () => {
  const { owner } = backend;
  const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000).toISOString();
  const rows: [Pod, Trouble['kind'], string][] = [
    [
      pod('a', owner, {
        state: { waiting: { reason: 'ErrImageNeverPull', message: 'image "x:2" is not present' } },
      }),
      'image',
      'server: ErrImageNeverPull: image "x:2" is not present',
    ],
    [
      pod('a', owner, { init: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off' } } }),
      'image',
      'init container prepare: ImagePullBackOff: Back-off',
    ],
    [
      pod('a', owner, { unschedulable: '0/1 nodes are available:\n1 node(s) were unschedulable.' }),
      'unschedulable',
      'no node accepts it: 0/1 nodes are available: 1 node(s) were unschedulable.',
    ],
    [
      pod('a', owner, {
        state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "db" not found' } },
      }),
      'config',
      'server: CreateContainerConfigError: secret "db" not found',
    ],
    [
      pod('a', owner, {
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        last: { reason: 'StartError', exitCode: 128, message: 'exec: "/serve": no such file' },
        restarts: 2,
      }),
      'config',
      'server: StartError: exec: "/serve": no such file',
    ],
    [
      pod('a', owner, {
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        last: { reason: 'Error', exitCode: 3 },
        restarts: 4,
      }),
      'crash',
      'server: ended with exit code 3, restarted 4 times',
    ],
    [
      pod('a', owner, {
        state: { running: { startedAt: ago(5) } },
        last: { reason: 'OOMKilled', exitCode: 137 },
        restarts: 1,
      }),
      'crash',
      'server: ended with exit code 137 (OOMKilled), restarted once',
    ],
    [
      pod('a', owner, {
        state: { running: { startedAt: ago(120) } },
        last: { reason: 'Error', exitCode: 1 },
        restarts: 1,
      }),
      'unready',
      'server: runs but is not ready',
    ],
    [
      pod('a', owner, {
        state: { terminated: { reason: 'Completed', exitCode: 0 } },
        restarts: 3,
      }),
      'crash',
      'server: ended with exit code 0, restarted 3 times',
    ],
    [
      pod('a', owner, {
        state: { running: { startedAt: ago(1) } },
        last: { reason: 'Completed', exitCode: 0 },
        restarts: 3,
      }),
      'crash',
      'server: ended with exit code 0, restarted 3 times',
    ],
    [
      pod('a', owner, {
        state: { running: { startedAt: ago(120) } },
        last: { reason: 'StartError', exitCode: 128, message: 'context deadline exceeded' },
        restarts: 1,
      }),
      'unready',
      'server: runs but is not ready',
    ],
    [
      pod('a', owner, { init: { running: { startedAt: ago(5) } } }),
      'unready',
      'init container prepare: is still running',
    ],
  ];
  for (const [one, kind, message] of rows) {
    assert.deepEqual(brief(look(ofBackend([one]))), [['Deployment/backend', kind, message]]);
  }
});

test('what serves, has ended well or is going is no trouble', () => {
  const { owner } = backend;
  const state = { waiting: { reason: 'ErrImageNeverPull' } };
  const pods = [
    pod('a', owner, { ready: true, state: { running: {} } }),
    pod('b', owner, { phase: 'Succeeded', state }),
    pod('c', owner, { ending: true, state }),
  ];
  assert.deepEqual(look(ofBackend(pods)), []);
});

test('pods of one workload with one cause are reported once, with probe, event and log in this order', () => {
  const { owner } = backend;
  const state = { running: { startedAt: '2026-11-22T12:00:40Z' } };
  const [trouble, ...more] = look({
    ...ofBackend([pod('a', owner, { state }), pod('b', owner, { state })]),
    events: [
      event({ kind: 'Pod', name: 'a' }, 'Unhealthy', 'Readiness probe failed: statuscode: 500', 1),
      event({ kind: 'Pod', name: 'a' }, 'Unhealthy', 'Readiness probe failed:\nstatuscode: 404', 2),
      event({ kind: 'Pod', name: 'a' }, 'FailedPostStartHook', 'a hook failed', 3),
      event({ kind: 'Pod', name: 'other' }, 'Unhealthy', 'of another life', 9),
    ],
  });
  assert.deepEqual(more, []);
  assert.deepEqual(asTold(causeLines([trouble!], () => ['password authentication failed'])), [
    'Deployment/backend (2 pods): server: runs but is not ready',
    '  probe: Readiness probe failed: statuscode: 404',
    '  event: FailedPostStartHook: a hook failed',
    '  log: password authentication failed',
  ]);
});

test('whether anything of it runs at this instant, and whose last output there is', () => {
  const { owner } = backend;
  const one = (fields: Parameters<typeof pod>[2]) => look(ofBackend([pod('a', owner, fields)]))[0];
  const last = { reason: 'Error', exitCode: 1 };
  const between = one({ state: { waiting: { reason: 'CrashLoopBackOff' } }, last, restarts: 2 });
  assert.deepEqual([between?.runs, between?.log?.container], [false, 'server']);
  const again = one({ state: { running: { startedAt: now.toISOString() } }, last, restarts: 2 });
  assert.deepEqual([again?.kind, again?.runs], ['crash', true]);
  const coming = one({ state: { waiting: { reason: 'ContainerCreating' } } });
  assert.deepEqual([coming?.message, coming?.log], ['server: has not started', undefined]);
});

test('a volume that does not come is the event of the kubelet', () => {
  const waiting = { waiting: { reason: 'ContainerCreating' } };
  const found = look({
    ...ofBackend([pod('a', backend.owner, { phase: 'Pending', state: waiting })]),
    events: [event({ kind: 'Pod', name: 'a' }, 'FailedMount', 'secret "tls" not found')],
  });
  assert.deepEqual(brief(found), [['Deployment/backend', 'stuck', 'FailedMount: secret "tls" not found']]);
});

test('a pod that nobody may create is seen, by the condition or by the events of what makes it', () => {
  const quota = 'pods "backend-7-x" is forbidden: exceeded quota: five';
  const condition = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: quota };
  const found = look({ controllers: [backend.deployment({ conditions: [condition] }), backend.replicaSet] });
  assert.deepEqual(brief(found), [
    ['Deployment/backend', 'refused', 'no pod can be created: forbidden: exceeded quota: five'],
  ]);

  const postgres = { kind: 'StatefulSet', name: 'postgres' };
  const refused = event(
    postgres,
    'FailedCreate',
    'create Pod postgres-0 in StatefulSet postgres failed: quota',
  );
  const lacking = controller('StatefulSet', 'postgres', { status: { replicas: 0 } });
  const of = (parts: Parameters<typeof view>[0]) =>
    brief(look(parts)).map(([workload, kind]) => [workload, kind]);
  assert.deepEqual(of({ controllers: [lacking], events: [refused] }), [['StatefulSet/postgres', 'refused']]);
  const later = event(postgres, 'SuccessfulCreate', 'create Pod postgres-0 successful', 5);
  assert.deepEqual(of({ controllers: [lacking], events: [refused, later] }), [], 'it has healed');
  const whole = controller('StatefulSet', 'postgres', { status: { replicas: 1 } });
  assert.deepEqual(of({ controllers: [whole], events: [refused] }), [], 'its pod is there');
  const daemons = controller('DaemonSet', 'agent', {
    status: { desiredNumberScheduled: 1, currentNumberScheduled: 0 },
  });
  const webhook = event({ kind: 'DaemonSet', name: 'agent' }, 'FailedCreate', 'failed calling webhook "x"');
  assert.deepEqual(of({ controllers: [daemons], events: [webhook] }), [['DaemonSet/agent', 'refused']]);

  const job = (status: Parameters<typeof backend.deployment>[0] & object) =>
    controller('Job', 'prepare', { status });
  const denied = event({ kind: 'Job', name: 'prepare' }, 'FailedCreate', `Error creating: ${quota}`);
  const refusedHook = [['Job/prepare', 'refused', 'no pod can be created: forbidden: exceeded quota: five']];
  assert.deepEqual(brief(look({ controllers: [job({})], events: [denied] })), refusedHook);
  assert.deepEqual(look({ controllers: [job({ active: 1 })], events: [denied] }), []);
  const complete = { conditions: [{ type: 'Complete', status: 'True' }] };
  assert.deepEqual(look({ controllers: [job(complete)], events: [denied] }), []);
});

test('one quota is one cause, however many pods it keeps away', () => {
  // What is used falls while old pods end, and each workload requests something else.
  let used = 6;
  const quota = (pod: string) => {
    used -= 1;
    return (
      `pods "${pod}" is forbidden: exceeded quota: five, requested: limits.cpu=${used},pods=1, ` +
      `used: limits.cpu=3,pods=${used}, limited: limits.cpu=4,pods=0`
    );
  };
  const failing = (name: string, message = quota(`${name}-1-x`)) =>
    controller('Deployment', name, {
      status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] },
    });
  const events = [
    event(
      { kind: 'StatefulSet', name: 'postgres' },
      'FailedCreate',
      `create Pod postgres-0 in StatefulSet postgres failed error: ${quota('postgres-0')}`,
    ),
  ];
  const controllers = [
    failing('backend'),
    failing('dashboard'),
    controller('StatefulSet', 'postgres', { status: { replicas: 0 } }),
  ];
  assert.deepEqual(
    causeLines(look({ controllers, events }), () => []),
    [
      'Deployment/backend, Deployment/dashboard, StatefulSet/postgres: no pod ' +
        'can be created: forbidden: exceeded quota: five, limited: limits.cpu=4,pods=0',
    ],
  );
  const unlimited = (name: string) =>
    `pods "${name}-1-x" is forbidden: failed quota: five: must specify limits.cpu for: ${name}; ` +
    `limits.memory for: ${name},log`;
  assert.deepEqual(
    causeLines(
      look({ controllers: ['backend', 'dashboard'].map((name) => failing(name, unlimited(name))) }),
      () => [],
    ),
    [
      'Deployment/backend, Deployment/dashboard: no pod can be created: ' +
        'forbidden: failed quota: five: must specify limits.cpu; limits.memory',
    ],
  );
});

test('a Deployment that has given up marks what its pods say as overdue, once it has seen this generation', () => {
  const conditions = [
    { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'too late' },
  ];
  const pods = [pod('a', backend.owner, { state: { running: { startedAt: '2026-11-22T12:00:40Z' } } })];
  const overdue = (status: NonNullable<Parameters<typeof backend.deployment>[0]>, of = pods) =>
    look({ pods: of, controllers: [backend.deployment(status), backend.replicaSet] }).map((one) => [
      one.kind,
      one.overdue,
    ]);
  assert.deepEqual(overdue({ conditions }), [['unready', true]]);
  assert.deepEqual(overdue({ conditions, observedGeneration: 1 }), [['unready', false]]);
  assert.deepEqual(overdue({ conditions }, []), [['deadline', true]]);
});

test('a hook that failed is one cause with its pod; Jobs of a schedule and of before are none', () => {
  const failed = { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] };
  const annotations = { 'helm.sh/hook': 'pre-upgrade' };
  const owner = { kind: 'Job', name: 'migrate' };
  const ended = { terminated: { reason: 'Error', exitCode: 2 } };
  const pods = [pod('migrate-x', owner, { phase: 'Failed', state: ended })];
  const job = (fields: Parameters<typeof controller>[2]) => ({
    pods,
    controllers: [controller('Job', 'migrate', fields)],
  });
  const [hook, ...more] = look(job({ status: failed, annotations }));
  assert.deepEqual(more, []);
  assert.deepEqual(
    [hook?.workload, hook?.kind, hook?.message, hook?.log],
    [
      'Job/migrate',
      'job',
      'the pre-upgrade hook failed: BackoffLimitExceeded; server: ended with exit code 2',
      { pod: 'migrate-x', container: 'server' },
    ],
  );
  assert.deepEqual(look(job({ status: failed, annotations, at: '2026-11-22T11:00:00Z' })), []);
  assert.deepEqual(look(job({ status: failed, owner: { kind: 'CronJob', name: 'nightly' } })), []);
});

test('a selector leaves out what other workloads have', () => {
  const waiting = { state: { waiting: { reason: 'ErrImageNeverPull' } } };
  const pods = [
    pod('a', backend.owner, waiting),
    pod('b', { kind: 'StatefulSet', name: 'postgres' }, waiting),
  ];
  const found = look({ ...ofBackend(pods) }, 'app=backend');
  assert.deepEqual(
    found.map(({ workload }) => workload),
    ['Deployment/backend'],
  );
});

test('pods are counted against those wanted, regardless of what happened to them', () => {
  const count = (kind: string, status: Parameters<typeof backend.deployment>[0], replicas = 2) =>
    podCount(controller(kind, 'x', { status: status ?? {}, replicas }));
  assert.deepEqual(count('Deployment', { readyReplicas: 2, updatedReplicas: 1 }), { wanted: 2, ready: 1 });
  assert.deepEqual(count('StatefulSet', {}), { wanted: 2, ready: 0 });
  assert.deepEqual(
    count('DaemonSet', { desiredNumberScheduled: 1, numberReady: 1, updatedNumberScheduled: 1 }),
    {
      wanted: 1,
      ready: 1,
    },
  );
  assert.equal(count('ReplicaSet', {}), undefined);
});

test('what others have made in the namespace is no cause, and ends nobody’s wait', () => {
  const waiting = { state: { waiting: { reason: 'ErrImageNeverPull' } } };
  const owner = { kind: 'Deployment', name: 'theirs' };
  const theirs = controller('Deployment', 'theirs', { annotations: {} });
  assert.deepEqual(look({ pods: [pod('x', owner, waiting)], controllers: [theirs] }), []);
  const [unknown] = look({ pods: [pod('x', { kind: 'Cluster', name: 'db' }, waiting)] });
  assert.deepEqual([unknown?.workload, unknown?.ofRelease], ['Pod/x', false]);
  assert.equal(look(ofBackend([pod('a', backend.owner, waiting)]))[0]?.ofRelease, true);
});

test('what may only follow from a cause is not known, and no failure of its own', () => {
  const postgres = { kind: 'StatefulSet', name: 'postgres' };
  const pods = [
    pod('a', backend.owner, { state: { running: { startedAt: '2026-11-22T12:00:40Z' } } }),
    pod('postgres-0', postgres, { state: { waiting: { reason: 'ErrImageNeverPull' } } }),
  ];
  const controllers = [...ofBackend([]).controllers, controller('StatefulSet', 'postgres')];
  assert.deepEqual(
    asTold(causeLines(look({ pods, controllers }), () => ['a line'])),
    [
      'StatefulSet/postgres: postgres: ErrImageNeverPull',
      '  log: a line',
      'not known: whether Deployment/backend would be ready without that',
    ].map((line) => line.replace('postgres: Err', 'server: Err')),
  );
});

test('a cause that several workloads share is reported once for all of them', () => {
  const unschedulable = '0/1 nodes are available';
  const pods = [
    pod('a', backend.owner, { unschedulable }),
    pod('postgres-0', { kind: 'StatefulSet', name: 'postgres' }, { unschedulable }),
  ];
  const controllers = [...ofBackend([]).controllers, controller('StatefulSet', 'postgres')];
  assert.deepEqual(
    causeLines(look({ pods, controllers }), () => []),
    ['Deployment/backend, StatefulSet/postgres (2 pods): no node accepts it: 0/1 nodes are available'],
  );
});
