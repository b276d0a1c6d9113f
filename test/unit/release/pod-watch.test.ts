import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Progress, StepIo } from '../../../src/engine/step.ts';
import type { KubeObject } from '../../../src/host/kubectl.ts';
import type { NamespaceView } from '../../../src/host/namespace-view.ts';
import type { StepContext } from '../../../src/release/context.ts';
import type { Given } from '../../../src/release/grace.ts';
import { watchPods } from '../../../src/release/pod-watch.ts';
import { skipSleep } from '../../fixtures/in-process-host/clock.ts';
import { backend, controller, pod, view } from '../../fixtures/namespace-view.ts';

let restore = () => {};
before(() => (restore = skipSleep()));
after(() => restore());

interface Watched {
  said: string[];
  progress: Progress[];
  given: Given[];
  lines: string[];
}

/**
 * Gives the looks one after the other, then the last one again, until something is hopeless or so many looks
 * were made.
 */
async function watch(
  looks: Partial<NamespaceView>[],
  options: { forward?: () => boolean | undefined; most?: number; log?: string; hookFailed?: boolean } = {},
): Promise<Watched> {
  const { forward = () => true, most = 60, log = '', hookFailed = false } = options;
  const seen: Watched = { said: [], progress: [], given: [], lines: [] };
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let count = 0;
  const ctx = {
    product: { namespace: 'tiny', release: 'tiny', helm: { graceSeconds: 90 }, values: {} },
    now: () => new Date('2026-11-22T12:01:00Z'),
    kubectl: {
      list: async (): Promise<KubeObject[]> => {
        if ((count += 1) > most) end();
        const { pods, controllers, events } = view(looks[Math.min(count, looks.length) - 1] ?? {});
        return [...pods, ...controllers, ...events] as KubeObject[];
      },
      logs: async () => log,
    },
  } as unknown as StepContext;
  const io = {
    say: (line: string) => seen.said.push(line),
    progress: (one: Progress) => seen.progress.push(one),
  } as unknown as StepIo;
  const watching = watchPods(ctx, io, {
    startedAt: new Date('2026-11-22T12:00:00Z'),
    stillForward: async () => forward(),
    onStuck: (given) => (seen.given.push(given), end()),
    latest: '12:40:00 UTC',
    oldRecords: undefined,
  });
  await ended;
  await watching.stop();
  if (hookFailed) await watching.lookAtHooks();
  seen.lines = watching.lines(hookFailed ? 'hooks' : 'all');
  return asTold(seen);
}

const bad = (waiting: { reason: string; message?: string }, name = 'a'): Partial<NamespaceView> => ({
  pods: [pod(name, backend.owner, { state: { waiting } })],
  controllers: [backend.deployment({ updatedReplicas: 1, readyReplicas: 1 }), backend.replicaSet],
});
const noImage = bad({ reason: 'ErrImageNeverPull', message: 'not present' });
const good: Partial<NamespaceView> = {
  controllers: [backend.deployment({ updatedReplicas: 2, readyReplicas: 2 })],
};

test('what cannot get ready is reported first, then given up, and reported at the end with its last output', async () => {
  const { said, given, lines, progress } = await watch([noImage]);
  assert.equal(said.length, 1);
  assert.match(
    said[0] ?? '',
    /^Deployment\/backend: server: ErrImageNeverPull: not present; it has 90 s to recover/,
  );
  assert.deepEqual(
    given.map(({ trouble }) => trouble.workload),
    ['Deployment/backend'],
  );
  assert.deepEqual(lines, ['Deployment/backend: server: ErrImageNeverPull: not present']);
  const { done, total, note } = progress.at(-1)!;
  assert.deepEqual([done, total], [1, 2], 'pods are counted against those wanted');
  assert.match(note ?? '', /ErrImageNeverPull/);
});

test('a Helm that rolls back already, or cannot be asked whether it does, is never disturbed', async () => {
  for (const answer of [false, undefined]) {
    const { given } = await watch([noImage], { forward: () => answer });
    assert.deepEqual(given, [], String(answer));
  }
});

test('a trouble that has cleared is forgotten, unless a rollback took its pod away', async () => {
  const looks = [noImage, noImage, good];
  assert.deepEqual((await watch(looks, { most: 10 })).lines, []);
  let asked = 0;
  const kept = await watch(looks, { most: 10, forward: () => (asked += 1) < 2 });
  assert.deepEqual(kept.lines, ['Deployment/backend: server: ErrImageNeverPull: not present']);
});

test('before Helm has its revision on record, and while nobody answers, nothing is mistaken for a rollback', async () => {
  const answers = [false, false, undefined, true];
  const { given } = await watch([noImage, good, noImage], {
    forward: () => (answers.length > 0 ? answers.shift() : true),
  });
  assert.equal(given.length, 1);
});

test('the last output is kept of a container that only runs and is not ready', async () => {
  const running: Partial<NamespaceView> = {
    pods: [pod('a', backend.owner, { state: { running: { startedAt: '2026-11-22T12:00:40Z' } } })],
    controllers: [backend.deployment(), backend.replicaSet],
  };
  const { lines } = await watch([running], {
    most: 5,
    log: `starting\n${'password authentication failed\n'.repeat(9)}`,
  });
  assert.deepEqual(lines, [
    'Deployment/backend: server: runs but is not ready',
    '  log: starting',
    '  log: password authentication failed',
  ]);
});

test('a hook that started and failed between two looks is its own cause, and pods of the rollout are none', async () => {
  const owner = { kind: 'Job', name: 'prepare' };
  const annotations = { 'helm.sh/hook': 'post-upgrade' };
  const job = (status = {}) => controller('Job', 'prepare', { status, annotations });
  const begun: Partial<NamespaceView> = {
    pods: [...(noImage.pods ?? []), pod('x', owner, { state: { waiting: { reason: 'ContainerCreating' } } })],
    controllers: [...(noImage.controllers ?? []), job()],
  };
  const failed: Partial<NamespaceView> = {
    pods: [pod('x', owner, { phase: 'Failed', state: { terminated: { reason: 'Error', exitCode: 3 } } })],
    controllers: [job({ conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] })],
  };
  const looks = [begun, begun, begun, begun, failed];
  const { lines } = await watch(looks, { most: 3, hookFailed: true, log: 'cannot find table licences' });
  assert.deepEqual(lines, [
    'Job/prepare: the post-upgrade hook failed: BackoffLimitExceeded; server: ended with exit code 3',
    '  log: cannot find table licences',
  ]);
});

test('what keeps a rollback waiting is reported once, with how long it is waited for', async () => {
  let asked = 0;
  const { said, given } = await watch([good, noImage], { most: 12, forward: () => (asked += 1) < 2 });
  assert.deepEqual(given, []);
  assert.deepEqual(said, [
    "Deployment/backend: server: ErrImageNeverPull: not present; Helm's rollback waits " +
      'for it until 12:40:00 UTC at the latest, and continues once it is fixed',
  ]);
});

test('pods of a rollback that Helm started by itself are no cause of why it did', async () => {
  const owner = { kind: 'ReplicaSet', name: 'backend-7' };
  const waits = pod('a', owner, { init: { running: { startedAt: '2026-11-22T12:00:40Z' } } });
  const rolling = pod('b', owner, { state: { running: { startedAt: '2026-11-22T12:00:50Z' } } });
  const others = controller('Deployment', 'dashboard');
  const coming = pod('c', { kind: 'Deployment', name: 'dashboard' }, { state: { waiting: {} } });
  const controllers = [backend.deployment(), backend.replicaSet, others];
  const looks = [
    { pods: [waits], controllers },
    { pods: [rolling, coming], controllers },
  ];
  let asked = 0;
  const { lines } = await watch(looks, { most: 6, forward: () => (asked += 1) < 2 });
  assert.deepEqual(lines, ['Deployment/backend: init container prepare: is still running']);
});
