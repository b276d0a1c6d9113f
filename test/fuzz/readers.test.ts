import { test } from 'node:test';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { commitHash } from '../proofs/commit.ts';
import { fuzzProof } from './fuzz-proof.ts';
import { targetNames } from './targets.ts';

/** Ten seconds a reader, drawn from the commit; `npm run test:fuzz` takes five minutes for each. */

test('each reader refuses what it cannot read, in time and in little memory', async (t) => {
  await assertDrawn(t, fuzzProof(commitHash(), 10), targetNames.length, 1);
});
