import { test } from 'node:test';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { faultProof } from './fault-proof.ts';

test('three faults of the table, drawn by the commit, are held', async (t) => {
  await assertDrawn(t, faultProof(), 3, 2);
});
