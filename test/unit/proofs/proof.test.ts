import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn } from '../../proofs/draw.ts';
import { alone, closingLine, drawnOf, failedOf, idsOf, prove } from '../../proofs/proof.ts';
import type { Proof } from '../../proofs/proof.ts';

test('a draw is the same for the same seed and another one for another', () => {
  const all = Array.from({ length: 40 }, (_, index) => index);
  const five = drawn(all, 5, 'seed');
  assert.equal(new Set(five).size, 5);
  assert.deepEqual(drawn(all, 5, 'seed'), five);
  assert.notDeepEqual(drawn(all, 5, 'another'), five);
  assert.deepEqual(drawn([1, 2], 5, 'seed'), [1, 2]);
});

test('a draw of cases leaves groups out of which none was drawn, and their order as it is', () => {
  const groups = ['a', 'b', 'c'].map((name) => ({ name, cases: [{ id: `${name}1` }, { id: `${name}2` }] }));
  const two = drawnOf(groups, 2, 'seed');
  assert.equal(idsOf(two).length, 2);
  assert.deepEqual(
    two.map(({ name }) => name),
    two.map(({ name }) => name).toSorted(),
  );
});

test('a proof continues after a case that failed and after one that broke off, and keeps what is known', async () => {
  const kept: string[] = [];
  const proof: Proof<{ id: string }> = {
    terms: { cases: 'cases', passed: 'held' },
    groups: alone(['good', 'bad', 'breaks', 'last'].map((id) => ({ id }))),
    async attempt({ name }) {
      if (name === 'breaks') throw new Error('no host');
      return [{ id: name, problems: name === 'bad' ? ['it is bad'] : [] }];
    },
    async keep(results) {
      kept.push(...results.map(({ id }) => id));
    },
  };
  const verdicts = await prove(proof, { atOnce: 1, say: () => {} });
  assert.equal(closingLine(proof, verdicts), 'cases tried 4, held 2');
  assert.deepEqual(
    failedOf(verdicts).map(({ id }) => id),
    ['bad', 'breaks'],
  );
  assert.deepEqual(kept, ['good', 'bad', 'last']);
});
