import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { baseline } from './baseline.ts';
import { drawn } from './draw.ts';
import { keepEvidence, trialsOf } from './run-matrix.ts';
import { commitHash } from './source-hash.ts';
import { survive } from './survive.ts';

/** Five places of the upgrade's matrix, drawn from the commit: every commit tries others. */

const commit = commitHash();
const trials = drawn(
  trialsOf('upgrade').filter(({ id, place }) => id === place),
  5,
  commit,
);

describe(`five places drawn from ${commit.slice(0, 8)}`, { concurrency: 2 }, () => {
  const base = baseline('upgrade');
  // Awaited by each test; none may be there yet when it fails.
  base.catch(() => {});
  for (const trial of trials) {
    test(`killed at ${trial.id} (${trial.kill}), the same command again ends as an undisturbed run`, async (t) => {
      const verdict = await survive(trial, base);
      t.diagnostic(`found: ${verdict.found}`);
      if (verdict.problems.length === 0) return;
      const again = verdict.evidence['second run']?.slice(-6000) ?? '';
      const folder = keepEvidence('upgrade', verdict);
      assert.fail(`${verdict.problems.join('\n')}\nsecond run: ${again}\neverything about it: ${folder}`);
    });
  }
});
