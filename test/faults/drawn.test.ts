import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn } from '../crash/draw.ts';
import { commitHash } from '../crash/source-hash.ts';
import { chainsOf, goThrough, ids } from './go-through.ts';

test('three faults of the table, drawn by the commit, are held', async (t) => {
  const chosen = drawn(ids, 3, commitHash());
  const { results, broken } = await goThrough(
    chainsOf((id) => chosen.includes(id)),
    { hosts: 2, say: (line) => t.diagnostic(line) },
  );
  assert.deepEqual(broken, []);
  assert.deepEqual(results.map(({ fault }) => fault.id).sort(), [...chosen].sort());
  for (const { fault, problems, output } of results) {
    assert.deepEqual(problems, [], `${fault.id}\n${output.slice(-4000)}`);
  }
});
