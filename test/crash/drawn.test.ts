import { test } from 'node:test';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { crashProof } from './crash-proof.ts';
import { trialsOf } from './trials.ts';

test('killed at five places of the upgrade drawn by the commit, the same command again ends as an undisturbed run', async (t) => {
  const places = trialsOf('upgrade').filter(({ id, place }) => id === place);
  await assertDrawn(t, crashProof('upgrade', places), 5, 2);
});
