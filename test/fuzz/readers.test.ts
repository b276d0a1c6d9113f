import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitHash } from '../crash/source-hash.ts';
import { fuzz } from './fuzz.ts';
import { targetNames } from './targets.ts';

/** Ten seconds a reader, drawn from the commit; `npm run test:fuzz` takes five minutes for each. */

const seed = commitHash();
const seconds = 10;

for (const target of targetNames)
  test(`the reader of ${target} refuses what it cannot read, in time and in little memory`, (t) => {
    const { executions, refused, problem } = fuzz(target, seed, seconds);
    t.diagnostic(`${executions} inputs, ${refused} refused, seed ${seed}`);
    assert.equal(problem, undefined, problem);
    assert.ok(refused > executions / 4, 'most inputs have to be damaged ones');
    assert.ok(executions > 20, 'the inputs have to be small enough to try many');
  });
