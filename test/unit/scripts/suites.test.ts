import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failuresIn } from '../../../scripts/suites.ts';

const many = (word: string, count: number) => Array.from({ length: count }, (_, at) => `${word} ${at}`);

test('of a suite that failed its list of failing tests is said again, indented or not', () => {
  for (const indent of ['', '    ']) {
    const output = [
      ...many('passed', 500),
      `${indent}✖ failing tests:`,
      'one',
      'why',
      'unit: 1 passed, 1 failed',
    ];
    assert.deepEqual(failuresIn(`${output.join('\n')}\n`).split('\n'), output.slice(500));
  }
});

test('where it ended without that list its last lines are, and never more than sixty', () => {
  assert.deepEqual(failuresIn(many('line', 500).join('\n')).split('\n'), many('line', 500).slice(-60));
  const list = ['✖ failing tests:', ...many('why', 500)];
  assert.deepEqual(failuresIn(list.join('\n')).split('\n'), list.slice(0, 60));
});
