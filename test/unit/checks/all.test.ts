import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checks } from '../../../src/checks/all.ts';

/** What checks share, and the list of them. */
const others = ['all', 'check', 'context', 'facts'];

test('each check is a file that bears its id', async () => {
  const folder = join(import.meta.dirname, '../../../src/checks');
  const ids = checks.map(({ id }) => id);
  assert.deepEqual(readdirSync(folder).sort(), [...ids, ...others].map((name) => `${name}.ts`).sort());
  for (const check of checks) {
    const exported = (await import(join(folder, `${check.id}.ts`))) as object;
    assert.ok(Object.values(exported).includes(check), check.id);
  }
});
