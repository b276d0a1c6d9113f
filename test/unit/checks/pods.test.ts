import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/host/pods.ts';
import { judgePods } from '../../../src/checks/pods.ts';

function pod(name: string, ready: boolean, reason?: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'main',
          image: '',
          imageID: '',
          ready,
          restartCount: 9,
          ...(reason === undefined ? {} : { state: { waiting: { reason } } }),
        },
      ],
    },
  };
}

test('a pod in a crash loop or without its image fails with its name, one that only starts is a warning', () => {
  assert.equal(judgePods([pod('a', true)], 'wells').outcome, 'ok');
  for (const reason of ['CrashLoopBackOff', 'ImagePullBackOff', 'CreateContainerConfigError']) {
    const found = judgePods([pod('a', true), pod('b', false, reason)], 'wells');
    assert.equal(found.outcome, 'fail');
    assert.match(found.measured, new RegExp(`^b \\(main: ${reason}\\)$`));
    assert.equal(found.fix, 'k3s kubectl describe pod -n wells b');
  }
  assert.equal(judgePods([pod('b', false, 'ContainerCreating')], 'wells').outcome, 'warn');
  const ending = pod('old', false, 'CrashLoopBackOff');
  ending.metadata.deletionTimestamp = '2026-11-22T12:00:00Z';
  assert.equal(judgePods([pod('a', true), ending], 'wells').outcome, 'ok');
});

test('a crash loop is seen between its waits, too: when a container has just ended, or runs for a moment', () => {
  const seen = (restartCount: number, states: object, ready = false) => {
    const looping = pod('b', ready);
    Object.assign(looping.status.containerStatuses?.[0] ?? {}, { restartCount, ...states });
    return judgePods([looping], 'wells').outcome;
  };
  const ended = { terminated: { exitCode: 1 } };
  assert.equal(seen(1, { state: ended }), 'fail');
  assert.equal(seen(3, { state: {}, lastState: ended }), 'fail');
  assert.equal(seen(1, { state: {}, lastState: ended }), 'warn', 'restarted once, as by a reboot');
  assert.equal(seen(9, { state: {}, lastState: ended }, true), 'ok', 'it has recovered');
  assert.equal(seen(9, { state: {}, lastState: { terminated: { exitCode: 0 } } }), 'warn');
});

test('a pod that ends by itself never has to be ready; a Job that fails is told, and blocks nothing', () => {
  const job = (restartPolicy: string, phase: string, reason?: string): Pod => {
    const made = pod('nightly', false, reason);
    return { ...made, spec: { ...made.spec, restartPolicy }, status: { ...made.status, phase } };
  };
  for (const phase of ['Pending', 'Running', 'Succeeded', 'Failed']) {
    for (const restartPolicy of ['Never', 'OnFailure']) {
      const found = judgePods([pod('a', true), job(restartPolicy, phase)], 'wells');
      assert.deepEqual([found.outcome, found.measured], ['ok', '1 of 1 ready'], `${restartPolicy} ${phase}`);
    }
  }
  const failing = judgePods([pod('a', true), job('OnFailure', 'Running', 'CrashLoopBackOff')], 'wells');
  assert.equal(failing.outcome, 'warn');
  assert.match(failing.measured, /^nightly \(main: CrashLoopBackOff\)$/);
  const both = [job('OnFailure', 'Running', 'CrashLoopBackOff'), pod('b', false, 'ImagePullBackOff')];
  assert.equal(judgePods(both, 'wells').outcome, 'fail');
  assert.equal(judgePods([job('Always', 'Running')], 'wells').outcome, 'warn');
});
