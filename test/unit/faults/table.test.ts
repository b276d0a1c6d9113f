import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ids, withWhatTheyNeed } from '../../faults/fault-proof.ts';
import { chains } from '../../faults/table.ts';

test('no two faults have one id', () => {
  assert.deepEqual([...new Set(ids)], ids);
});

test('a fault that is drawn alone brings the one that must come before it, in the order of the chain', () => {
  for (const { name, cases } of chains) {
    for (const one of cases) {
      const tried = withWhatTheyNeed({ name, cases: [one] }).cases.map(({ id }) => id);
      assert.deepEqual(tried, one.after === undefined ? [one.id] : [one.after, one.id]);
    }
  }
  const needing = chains.flatMap(({ cases }) => cases.filter(({ after }) => after !== undefined));
  assert.deepEqual(
    needing.map(({ id }) => id),
    ['sigint waiting for helm', 'clock-back resumed'],
  );
});
