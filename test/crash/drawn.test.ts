import { test } from 'node:test';
import { commitHash } from '../proofs/commit.ts';
import { drawn } from '../proofs/draw.ts';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { crashProof } from './crash-proof.ts';
import { graphNames } from './journal-places.ts';
import { trialsOf } from './trials.ts';

const places = graphNames.flatMap((graph) => trialsOf(graph).filter(({ id, place }) => id === place));
const chosen = drawn(places, 2, commitHash());

for (const graph of new Set(chosen.map((trial) => trial.graph))) {
  const trials = chosen.filter((trial) => trial.graph === graph);
  const ids = trials.map(({ id }) => id).join(' and ');
  test(`killed at ${ids} of the graph ${graph}, the same command again ends as an undisturbed run`, async (t) => {
    await assertDrawn(t, crashProof(graph, trials), trials.length, 2);
  });
}
