import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { bootId } from '../../../src/host/system.ts';
import { judgeCertificates } from '../../../src/checks/certificates.ts';
import { judgeClock } from '../../../src/checks/clock.ts';
import { changesRelease, checkHelmProcess } from '../../../src/checks/helm-process.ts';
import { highThreshold, judgeImageGc } from '../../../src/checks/image-gc.ts';
import { checkMemory, checkProcessors } from '../../../src/checks/machine.ts';
import type { CheckContext } from '../../../src/checks/facts.ts';

/** What checks make of what the host says. */

const gib = 1024 ** 3;
const nowMs = Date.parse('2026-11-22T12:00:00Z');

test('processors and memory are held against what the product asks, memory with what firmware takes', () => {
  const needs = { cpus: 2, memoryBytes: 4 * gib, room: [] };
  assert.equal(checkProcessors(needs, { cpus: 2, memoryBytes: 0, memoryAvailableBytes: 0 }).outcome, 'ok');
  const one = checkProcessors(needs, { cpus: 1, memoryBytes: 0, memoryAvailableBytes: 0 });
  assert.equal(`${one.outcome} ${one.measured}, ${one.limit}`, 'fail 1 processors, 2 needed');
  assert.equal(checkMemory(needs, { memoryBytes: 3.7 * gib }).outcome, 'ok');
  assert.equal(checkMemory(needs, { memoryBytes: 3.5 * gib }).outcome, 'fail');
});

test('the certificate that expires first decides: fails on its last day, warns in its last month', () => {
  const until = (days: number, place = 'x') => ({ place, validTo: new Date(nowMs + days * 86_400_000) });
  const outcomes = [-3, 0.5, 1.5, 29, 31].map(
    (days) => judgeCertificates([until(365), until(days, 'soon.crt')], nowMs).outcome,
  );
  assert.deepEqual(outcomes, ['fail', 'fail', 'warn', 'warn', 'ok']);
  assert.match(judgeCertificates([until(365), until(2, 'soon.crt')], nowMs).measured, /^2 days.*soon\.crt/);
  assert.equal(judgeCertificates([], nowMs).outcome, 'fail');
});

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

test('the image file system is judged as kubelet does, the images that are still to come included', () => {
  const room = (free: number) => ({ mountPoint: '/var', freeBytes: free * gib, totalBytes: 100 * gib });
  assert.equal(judgeImageGc(85, room(20), 0).outcome, 'ok');
  assert.equal(judgeImageGc(85, room(20), 6 * gib).outcome, 'fail');
  assert.equal(judgeImageGc(85, room(15), 0).outcome, 'fail');
  assert.equal(highThreshold('{"kubeletconfig":{"imageGCHighThresholdPercent":70}}'), 70);
  for (const text of ['', '{}', 'no JSON']) assert.equal(highThreshold(text), 85);
});

const ours = { release: 'ivaap', namespace: 'wells' };

test('a Helm counts when it changes this release, under whatever name and path it runs', () => {
  for (const line of [
    'helm upgrade ivaap ./chart',
    '/usr/local/bin/helm3 rollback ivaap 2 -n wells',
    '/opt/x/helm_v3 --namespace wells uninstall other',
    'helm install x y --namespace=wells',
  ]) {
    assert.ok(changesRelease(line.split(' '), ours), line);
  }
  for (const line of [
    'helm list -n wells',
    'helm upgrade traefik chart -n kube-system',
    'vim helm upgrade ivaap',
    'helmsman upgrade ivaap',
    '/bin/helm',
  ]) {
    assert.ok(!changesRelease(line.split(' '), ours), line);
  }
});

test('a Helm that our journal names is ours, one of the same pid and another start is not', () => {
  const argv = ['helm', 'upgrade', 'ivaap'];
  const check = (journalled: object | undefined) =>
    checkHelmProcess({
      product: ours,
      listProcesses: () => [{ pid: 7, startTime: 42, argv }],
      helmJournal: () => ({ process: journalled }),
    } as unknown as CheckContext);
  assert.equal(check({ pid: 7, startTime: 42, bootId: bootId() }).outcome, 'ok');
  for (const other of [
    undefined,
    { pid: 7, startTime: 41, bootId: bootId() },
    { pid: 7, startTime: 42, bootId: 'another boot' },
  ]) {
    const found = check(other);
    assert.equal(found.outcome, 'fail');
    assert.match(asTold(found.measured), /process 7: helm upgrade ivaap/);
    assert.match(found.fix ?? '', /--pid=7/);
  }
});
