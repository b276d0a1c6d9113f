import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programLine } from '../../../src/ui/program-line.ts';

test('a time at the beginning is removed: the line has one already', () => {
  const said = [
    '2026-11-27T13:04:05.123Z waiting for the database',
    '2026-11-27 13:04:05.123 UTC waiting for the database',
    '[2026-11-27T13:04:05+01:00] waiting for the database',
    'I1127 13:04:05.678901   42 wait.go:12] waiting for the database',
    'time="2026-11-27T13:04:05Z" waiting for the database',
    'time=2026-11-27T13:04:05.1+01:00 waiting for the database',
  ];
  for (const line of said) assert.equal(programLine(line), 'waiting for the database');
});

test('a time inside a sentence stays, and so do versions and numbers in front', () => {
  for (const line of ['dump taken at 2026-11-27T13:04:05Z', '2026.2 is installed', '12 of 14 pods'])
    assert.equal(programLine(line), line);
});

test("of Helm's closing lines those that say nothing are left out", () => {
  assert.equal(programLine('TEST SUITE: None'), undefined);
  assert.equal(programLine('LAST DEPLOYED: Fri Nov 27 13:04:05 2026'), undefined);
  assert.equal(programLine('STATUS: deployed'), 'STATUS: deployed');
});
