import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyState, parseState } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';

/** What is said of a state file that is JSON, but not the state that is expected. */

const path = '/opt/product/.installer/state.json';

function refusalOf(text: string): string {
  try {
    parseState(text, path);
  } catch (error) {
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.code, 'preflight');
    return unmarked(error.message);
  }
  return 'accepted';
}

const withFields = (fields: object) => JSON.stringify({ ...emptyState('tiny'), ...fields });
const damaged = `the state file ${path} is damaged: `;

test('names the key, what stands there and what was expected, outermost first', () => {
  const cases: [object, string][] = [
    [{ history: 'none' }, 'history is "none" (expected: a list)'],
    [{ waivers: [3] }, 'waivers[0] is 3 (expected: an object)'],
    [{ derived: [] }, 'derived is a list (expected: an object)'],
    [{ product: null }, 'product is null (expected: a text)'],
    [{ schema: { major: '1', minor: 3 } }, 'schema.major is "1" (expected: 1)'],
    [{ schema: { major: 1, minor: -1 } }, 'schema.minor is -1 (expected: at least 0)'],
    [{ schema: { major: 1, minor: 1.5 } }, 'schema.minor is 1.5 (expected: a whole number)'],
    [{ anchors: { '2026.1': null } }, 'anchors.2026.1 is null (expected: an object)'],
  ];
  for (const [fields, says] of cases) assert.equal(refusalOf(withFields(fields)), damaged + says);
});

test('names the values that a key may have, and a key that is missing', () => {
  const says = refusalOf(withFields({ history: [{ id: 'x', status: 'odd' }] }));
  assert.match(says, /history\[0\]\.flow is missing \(expected: a text\); .*; and \d+ more$/);
  const summary = { id: 'a', flow: 'install', from: null, to: '1', payloadDigest: 'd', startedAt: 't' };
  assert.equal(
    refusalOf(withFields({ history: [{ ...summary, status: 'odd' }] })),
    `${damaged}history[0].status is "odd" ` +
      '(expected: one of "running", "failed", "completed", "superseded")',
  );
});

test('says so of a file that is no object at all, and cuts a long text', () => {
  assert.equal(refusalOf('[]'), `${damaged}the file is a list (expected: an object)`);
  assert.equal(
    refusalOf(withFields({ history: 'x'.repeat(5000) })),
    `${damaged}history is "${'x'.repeat(40)}…" (expected: a list)`,
  );
});

test('refuses a file that is nested without end', () => {
  for (const [open, inner, close] of [
    ['[', '', ']'],
    ['{"a":', '1', '}'],
  ] as const) {
    const deep = open.repeat(50_000) + inner + close.repeat(50_000);
    const text = withFields({}).replace('"derived":{}', `"derived":{"a":${deep}}`);
    assert.equal(refusalOf(text), `${damaged}it is nested deeper than 400 levels`);
    assert.equal(refusalOf(deep), `${damaged}it is nested deeper than 400 levels`);
  }
});
