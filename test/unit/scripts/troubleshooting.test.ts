import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkCauses } from '../../../scripts/troubleshooting-entries.ts';
import { checks } from '../../../src/checks/all.ts';
import { errorCodes } from '../../../src/errors.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/troubleshooting.md'), 'utf8');

/** Sections by their heading. */
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((text) => {
      const [heading = '', ...body] = text.split('\n');
      return [heading, body.join('\n').split(/^## /m)[0] ?? ''] as const;
    }),
);

const expected = [
  ...Object.entries(errorCodes).map(([code, { exit }]) => `${exit} ${code}`),
  ...checks.map(({ id }) => id),
];

test('every error code and every check of preflight has an entry, and nothing else has one', () => {
  assert.deepEqual([...sections.keys()], expected);
  assert.deepEqual(Object.keys(checkCauses).toSorted(), checks.map(({ id }) => id).toSorted());
});

test('each entry says the cause, what is true now and what to do', () => {
  for (const heading of expected) {
    const text = (sections.get(heading) ?? '').replaceAll(/\s+/g, ' ');
    for (const part of ['Cause', 'True now', 'To do']) {
      const said = new RegExp(`\\*\\*${part}\\*\\*: (.*?)(?= - \\*\\*|$)`).exec(text)?.[1] ?? '';
      assert.ok(said.trim().length > 8, `${heading} does not say: ${part}`);
    }
  }
});
