import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeProcessors } from '../../../src/checks/cpus.ts';

test('CPUs are compared with what the product requires', () => {
  const needs = { cpus: 2, memoryBytes: 0, room: [] };
  assert.equal(judgeProcessors(needs, { cpus: 2 }).outcome, 'ok');
  const one = judgeProcessors(needs, { cpus: 1 });
  assert.equal(`${one.outcome} ${one.measured}, ${one.limit}`, 'fail 1 processors, 2 needed');
});
