import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preflightLines } from '../../../src/ui/preflight-text.ts';

const result = {
  check: 'pods',
  kind: 'health',
  title: 'No pod crash-loops',
  measured: 'backend-1 (main: CrashLoopBackOff)',
  limit: 'none',
  why: 'an upgrade would be blamed for it',
  fix: 'k3s kubectl describe pod backend-1',
} as const;

test('the report is a table, and below what is not ok stands why, what became of it and what mends it', () => {
  const lines = preflightLines({
    type: 'preflight.report',
    at: '2026-11-22T15:04:05Z',
    flow: 'upgrade',
    tolerant: true,
    results: [
      { ...result, id: 'clock', status: 'ok', measured: '0 s', limit: '60 s' },
      { ...result, id: 'room:/opt', status: 'fail', output: 'a\u001b[31m\nb' },
      { ...result, id: 'pods', status: 'warn', tolerated: true },
      { ...result, id: 'cpus', status: 'waived', waiver: 'a small site' },
    ],
  });
  assert.match(lines[0] ?? '', /^ok {6}clock {6}0 s {31}60 s$/);
  assert.match(lines[1] ?? '', /^FAIL {4}room:\/opt {2}backend-1 \(main: CrashLoopBackOff\) {2}none$/);
  assert.deepEqual(lines.slice(2, 4), [`        why: ${result.why}`, `        fix: ${result.fix}`]);
  const text = lines.join('\n');
  assert.doesNotMatch(text, /\u001b/);
  assert.match(text, /warn .*pods[^]*it does not stop this run/);
  assert.match(text, /waived {2}cpus[^]*waived: a small site/);
});
