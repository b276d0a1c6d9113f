import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { checks, checksOf } from '../../../src/checks/all.ts';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { waivableGuards } from '../../../src/payload/product-schema.ts';
import {
  assertPassed,
  assertWaiversMeant,
  type Judging,
  judge as judgeCheck,
  type Measurement,
  parseWaivers,
  usedWaivers,
  waivableIds,
} from '../../../src/policy/preflight-report.ts';

const bad: Measurement = { outcome: 'fail', measured: 'little', limit: 'much' };
const judge = (id: string, found: Measurement, judging: Judging) =>
  judgeCheck(
    checks.find((check) => check.id === id)!,
    found,
    judging,
  );
const fresh = { tolerant: false, waivers: [] };
const goesOn = { tolerant: true, waivers: [] };
const report = (results: ReturnType<typeof judge>[]) => ({
  flow: 'upgrade' as const,
  at: '2026-11-22T00:00:00Z',
  tolerant: false,
  results,
});

test('a guard blocks every run; a health check blocks a fresh one and is only shown to one that resumes', () => {
  assert.equal(judge('cpus', bad, fresh).status, 'fail');
  assert.equal(judge('cpus', bad, goesOn).status, 'fail');
  assert.equal(judge('pods', bad, fresh).status, 'fail');
  const shown = judge('pods', bad, goesOn);
  assert.deepEqual([shown.status, shown.tolerated], ['warn', true]);
  assert.equal(judge('pods', { ...bad, outcome: 'warn' }, fresh).status, 'warn');
});

test('the check’s own limit is reported, or the one that was computed', () => {
  const found: Measurement = { outcome: 'fail', measured: 'little' };
  assert.equal(judge('helm-state', found, fresh).limit, 'a state from which Helm can continue');
  assert.equal(judge('helm-state', { ...found, limit: 'much' }, fresh).limit, 'much');
});

test('what is not ok says why it matters and what fixes it, the measurement’s own text first', () => {
  const result = judge('room', { ...bad, part: '/opt', fix: 'df -h /opt' }, fresh);
  assert.equal(result.id, 'room:/opt');
  assert.equal(result.fix, 'df -h /opt');
  assert.ok(judge('room', bad, fresh).fix);
  assert.equal(judge('room', { ...bad, outcome: 'ok' }, fresh).fix, undefined);
  assert.ok(result.why);
});

test('a waiver lets a failed check pass, or one part of it, and is reported as used only then', () => {
  const room: Measurement = { ...bad, part: '/opt' };
  for (const id of ['room', 'room:/opt']) {
    const waived = judge('room', room, { tolerant: false, waivers: [{ id, reason: 'small dump' }] });
    assert.deepEqual([waived.status, waived.waiver], ['waived', 'small dump']);
    assert.deepEqual(usedWaivers(report([waived])), [{ id: 'room:/opt', reason: 'small dump' }]);
  }
  const elsewhere = { tolerant: false, waivers: [{ id: 'room:/var', reason: 'x' }] };
  assert.equal(judge('room', room, elsewhere).status, 'fail');
  const unneeded = judge(
    'room',
    { ...room, outcome: 'ok' },
    { ...fresh, waivers: [{ id: 'room', reason: 'x' }] },
  );
  assert.deepEqual(usedWaivers(report([unneeded])), []);
});

const parse = (texts: string[], guards: string[]) =>
  parseWaivers(texts, {
    known: checks.map(({ id }) => id),
    checks: waivableIds(checksOf.upgrade, guards),
    steps: [],
  });

test('waivers that cannot be are usage errors that name those that can', () => {
  assert.deepEqual(parse(['cpus=a small = slow one', 'room:/opt=x'], ['cpus', 'room']), [
    { id: 'cpus', reason: 'a small = slow one' },
    { id: 'room:/opt', reason: 'x' },
  ]);
  const those = /what can be waived: cpus, .*pods/;
  for (const [text, message, hint = those] of [
    ['cpu=x', /--waive cpu: there is no such check/],
    ['versions=x', /--waive versions: this check cannot be waived/],
    ['memory=x', /--waive memory: this check cannot be waived/],
    ['pods', /--waive pods needs a reason/, /^--waive pods=REASON$/],
    ['pods= ', /--waive pods needs a reason/, /^--waive pods=REASON$/],
  ] as const) {
    assert.throws(
      () => parse([text], ['cpus']),
      (error: unknown) =>
        error instanceof IvaapError &&
        error.code === 'usage' &&
        message.test(error.message) &&
        hint.test(error.hint ?? ''),
    );
  }
});

test('every guard that a product may make waivable is a guard of the table', () => {
  const guards = checks.filter(({ kind }) => kind === 'guard').map(({ id }) => id);
  for (const id of waivableGuards.options) assert.ok(guards.includes(id), id);
  assert.ok(!waivableIds(checksOf.upgrade, []).some((id) => guards.includes(id)));
});

test('all that blocks comes in one error with the fix of each, and the waivers where they help', () => {
  const results = [
    judge('cpus', { outcome: 'fail', measured: '1 processors', limit: '2 needed' }, fresh),
    judge('clock', { outcome: 'ok', measured: '0 s', limit: '60 s' }, fresh),
    judge('pods', { ...bad, output: 'backend: CrashLoopBackOff', fix: 'k3s kubectl describe pod x' }, fresh),
  ];
  const thrown = (waivable: string[]): IvaapError => {
    try {
      assertPassed(report(results), waivable);
    } catch (error) {
      if (error instanceof IvaapError) return error;
    }
    throw new Error('nothing was refused');
  };
  const error = thrown(['pods']);
  assert.equal(error.code, 'preflight');
  assert.deepEqual(causeChain(error), [
    '2 of 3 checks failed, nothing was changed: cpus, pods',
    'cpus: 1 processors (limit: 2 needed)',
    'pods: little (limit: much)',
  ]);
  assert.match(error.hint ?? '', /^cpus: .*nproc.*\npods: k3s kubectl describe pod x$/);
  assert.equal(asTold(error.output), 'backend: CrashLoopBackOff');
  assert.match(thrown(['pods', 'cpus']).hint ?? '', /--waive cpus=REASON --waive pods=REASON$/);
  assert.throws(() => assertPassed(report(results.slice(0, 2)), []), {
    message: '1 of 2 checks failed, nothing was changed: cpus: 1 processors (limit: 2 needed)',
  });
  assertPassed(report(results.slice(1, 2)), []);
});

test('a waiver of a part that its check does not have is refused, one that nobody could look for is not', () => {
  const ok: Measurement = { outcome: 'ok', measured: 'much', limit: 'much' };
  const results = [
    judge('ingress', { ...bad, part: 'backend' }, fresh),
    judge('ingress', { ...ok, part: 'admin' }, fresh),
    judge('room', bad, fresh),
    judge('pods', ok, fresh),
  ];
  const waive = (id: string) => () => assertWaiversMeant([{ id, reason: 'x' }], results);
  for (const id of ['ingress', 'ingress:backend', 'ingress:admin', 'room:/var', 'pods', 'archives']) {
    assert.doesNotThrow(waive(id), id);
  }
  for (const id of ['ingress:nope', 'ingress:', 'ingress:backend:x', 'pods:server', 'archives:core']) {
    assert.throws(waive(id), (error) => error instanceof IvaapError && error.code === 'usage', id);
  }
  assert.throws(waive('ingress:nope'), {
    hint: 'what can be waived: ingress, ingress:backend, ingress:admin',
  });
});
