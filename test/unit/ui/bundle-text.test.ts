import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleLines } from '../../../src/ui/bundle-text.ts';

const part = (id: string, missing?: string) => ({
  id,
  title: id,
  tookMs: 1,
  files: [],
  ...(missing === undefined ? {} : { missing }),
});
const made = { path: '/root/x.tar.gz', sizeBytes: 2048, sha256: 'a', at: '2026-01-01T00:00:00Z' };

test('it says what is wrong, each reason for what is missing once, and last where the file lies', () => {
  const down = 'the Kubernetes API server does not answer';
  const faults = [1, 2, 3, 4, 5, 6, 7].map((at) => ({
    certainty: 'certain' as const,
    title: `fault ${at}\u001B[2J`,
    facts: [],
    ...(at === 1 ? { hint: 'systemctl status k3s' } : {}),
  }));
  const lines = bundleLines({
    ...made,
    faults,
    collected: [part('pods', down), part('disk'), part('helm', down)],
  });
  assert.deepEqual(lines.slice(0, 3), [
    'what is wrong, the most certain first:',
    '  certain: fault 1',
    '    try: systemctl status k3s',
  ]);
  assert.ok(lines.includes('  2 more: see index.html'));
  assert.deepEqual(
    lines.filter((line) => line.startsWith('not complete')),
    [`not complete: pods, helm: ${down}`],
  );
  assert.equal(lines.at(-1), '/root/x.tar.gz (2.00 KiB)');
});

test('of a host that is well it says that nothing was found', () => {
  assert.equal(
    bundleLines({ ...made, faults: [], collected: [] })[0],
    'nothing wrong was found in what could be read',
  );
});
