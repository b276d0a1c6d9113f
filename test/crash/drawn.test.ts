import { test } from 'node:test';
import { commitHash } from '../proofs/commit.ts';
import { drawn } from '../proofs/draw.ts';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { crashProof } from './crash-proof.ts';
import { type GraphName, graphNames } from './journal-places.ts';
import { trialsOf } from './trials.ts';

/** Five places. Two are of one other graph: each graph that is tried needs an undisturbed run of its own. */

const placesOf = (graph: GraphName) => trialsOf(graph).filter(({ id, place }) => id === place);

test('killed at three places of the upgrade drawn by the commit, the same command again ends as an undisturbed run', async (t) => {
  await assertDrawn(t, crashProof('upgrade', placesOf('upgrade')), 3, 2);
});

test('so does one of the other graphs, killed at two places', async (t) => {
  const others = graphNames.filter((graph) => graph !== 'upgrade');
  for (const graph of drawn(others, 1, commitHash())) {
    t.diagnostic(`of ${others.join(', ')} the commit has drawn ${graph}`);
    await assertDrawn(t, crashProof(graph, placesOf(graph)), 2, 2);
  }
});
