import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeMemory } from '../../../src/checks/memory.ts';

const gib = 1024 ** 3;

test('memory is compared with what the product requires, less what firmware uses', () => {
  const needs = { cpus: 2, memoryBytes: 4 * gib, room: [] };
  assert.equal(judgeMemory(needs, { memoryBytes: 3.7 * gib }).outcome, 'ok');
  assert.equal(judgeMemory(needs, { memoryBytes: 3.5 * gib }).outcome, 'fail');
});
