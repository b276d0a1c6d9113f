import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ids } from '../../faults/fault-proof.ts';

test('no two faults have one id', () => {
  assert.deepEqual([...new Set(ids)], ids);
});
