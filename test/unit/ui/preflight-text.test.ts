import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { painter, unpainted } from '../../../src/ui/paint.ts';
import { preflightLines } from '../../../src/ui/preflight-text.ts';
import { textWidth } from '../../../src/ui/width.ts';
import { timed } from './fake-output.ts';

const result = {
  check: 'pods',
  kind: 'health',
  title: 'No pod crash-loops',
  measured: 'backend-1 (main: CrashLoopBackOff)',
  limit: 'none',
  why: 'an upgrade would be blamed for it',
  fix: 'k3s kubectl describe pod backend-1',
} as const;
const report = timed({
  type: 'preflight.report',
  flow: 'upgrade',
  tolerant: true,
  results: [
    { ...result, id: 'clock', status: 'ok', measured: '0 s', limit: '60 s' },
    { ...result, id: 'room:/opt', status: 'fail', output: 'a\u001b[31m\nb' },
    { ...result, id: 'pods', status: 'warn', tolerated: true },
    { ...result, id: 'cpus', status: 'waived', waiver: 'a small site' },
    { ...result, id: 'k3s', status: 'ok', measured: 'v1.36.1+k3s1', limit: 'v1.30 or newer' },
  ],
}) as Parameters<typeof preflightLines>[0];
const brief = { width: 80, paint: unpainted, all: false };

test('what is ok is a number; what is not is printed in full, with why, what happened to it and what fixes it', () => {
  const lines = preflightLines(report, brief);
  assert.deepEqual(lines.slice(0, 6), [
    '2 checks ok, 1 warning, 1 waived, 1 FAILED',
    'FAIL    room:/opt: backend-1 (main: CrashLoopBackOff) (limit: none)',
    `        why: ${result.why}`,
    `        fix: ${result.fix}`,
    '        a',
    '        b',
  ]);
  const text = lines.join('\n');
  assert.doesNotMatch(text, /\u001b|clock|k3s:/);
  assert.match(text, /^warn {4}pods: [^]*this does not stop the run, which may fix it/m);
  assert.match(text, /^waived {2}cpus: [^]*waived: a small site/m);
});

test('of a long line that a program printed only start and end are shown', () => {
  const results = [{ ...result, id: 'pods', status: 'fail' as const, output: `a${'x'.repeat(3000)}z` }];
  const text = preflightLines({ ...report, results }, { ...brief, width: Infinity }).join('\n');
  assert.match(text, /^ +ax{599} … 2002 characters left out … x{399}z$/m);
});

test('where all is ok, one line says so', () => {
  const good = { ...report, results: report.results.filter(({ status }) => status === 'ok') };
  assert.deepEqual(preflightLines(good, brief), ['2 checks ok']);
});

test('all checks are a table, with the same below what is not ok', () => {
  const lines = preflightLines(report, { ...brief, all: true });
  assert.deepEqual(lines.slice(0, 5), [
    'STATUS  CHECK      MEASURED                            LIMIT',
    'ok      clock      0 s                                 60 s',
    'FAIL    room:/opt  backend-1 (main: CrashLoopBackOff)  none',
    `        why: ${result.why}`,
    `        fix: ${result.fix}`,
  ]);
  assert.equal(lines.at(-1), '2 checks ok, 1 warning, 1 waived, 1 FAILED');
});

test('no line is wider than the screen, and colors change nothing but colors', () => {
  for (const all of [true, false]) {
    for (let width = 60; width <= 200; width += 7) {
      const lines = preflightLines(report, { ...brief, width, all });
      for (const line of lines) assert.ok(textWidth(line) <= width, line);
      const painted = preflightLines(report, { paint: painter(true), width, all });
      assert.match(painted.join('\n'), /\u001b\[31mFAIL\u001b\[0m {4}room/);
      assert.deepEqual(painted.map(stripVTControlCharacters), lines);
    }
  }
});
