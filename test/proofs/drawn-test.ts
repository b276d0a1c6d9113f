import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { closingLine, drawnOf, failedOf, failureText, idsOf, prove } from './proof.ts';
import type { Proof, Verdict } from './proof.ts';
import { commitHash } from './commit.ts';

/**
 * Tries `count` cases of a proof, drawn by the commit: every commit tries others. Nothing is written to a
 * page.
 */
export async function assertDrawn<Case extends { id: string }, Result extends Verdict>(
  t: TestContext,
  { terms, groups: all, attempt }: Proof<Case, Result>,
  count: number,
  atOnce: number,
): Promise<void> {
  const groups = drawnOf(all, count, commitHash());
  const verdicts = await prove({ terms, groups, attempt }, { atOnce, say: (line) => t.diagnostic(line) });
  t.diagnostic(closingLine({ terms }, verdicts));
  assert.deepEqual(verdicts.map(({ id }) => id).sort(), idsOf(groups).sort());
  const failed = failedOf(verdicts);
  assert.equal(failed.length, 0, failed.map(failureText).join('\n'));
}
