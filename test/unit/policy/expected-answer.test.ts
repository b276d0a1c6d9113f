import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmarked } from '../../../src/foreign.ts';
import { expectedText, unexpectedPart } from '../../../src/policy/expected-answer.ts';

const judged = (expected: object, body: string, status = 200) => {
  const part = unexpectedPart({ expectStatus: 200, ...expected }, { status, body: Buffer.from(body) });
  return part === undefined ? undefined : unmarked(part);
};

test('a status alone is compared where nothing else is expected', () => {
  assert.equal(judged({}, '<html>any page</html>'), undefined);
  assert.equal(judged({}, 'ok', 503), '');
  assert.equal(judged({ expectText: 'ok' }, 'ok', 503), '');
});

test('a text has to be in the answer', () => {
  assert.equal(judged({ expectText: 'OK' }, 'all is OK'), undefined);
  assert.equal(judged({ expectText: 'OK' }, '<html>index</html>'), 'without "OK"');
});

test('a field of the JSON has to have the value', () => {
  const expectJson = { path: ['checks', '1', 'state'], equals: 'up' };
  const answer = (state: unknown) => JSON.stringify({ checks: [{ state: 'up' }, { state }] });
  assert.equal(judged({ expectJson }, answer('up')), undefined);
  assert.equal(judged({ expectJson }, answer('down')), 'but checks.1.state of its JSON is "down", not "up"');
  assert.equal(judged({ expectJson }, answer(true)), 'but checks.1.state of its JSON is true, not "up"');
  assert.equal(judged({ expectJson }, '{}'), 'but checks.1.state of its JSON is nothing, not "up"');
  assert.equal(judged({ expectJson }, '<html></html>'), 'but it is no JSON');
  const deep = { path: ['a'], equals: { b: [1, null] } };
  assert.equal(judged({ expectJson: deep }, '{"a":{"b":[1,null]}}'), undefined);
  // What the answer inherits is not its own.
  assert.match(
    judged({ expectJson: { path: ['constructor', 'name'], equals: 'Object' } }, '{}')!,
    /is nothing/,
  );
});

test('both have to hold, and are said', () => {
  const both = { expectText: 'well', expectJson: { path: ['status'], equals: 'ok' } };
  assert.equal(judged(both, '{"status":"ok","it":"well"}'), undefined);
  assert.equal(judged(both, '{"status":"ok"}'), 'without "well"');
  assert.equal(
    expectedText({ expectStatus: 200, ...both }),
    'status 200, with the text "well" and "ok" at status of its JSON',
  );
  assert.equal(expectedText({ expectStatus: 204 }), 'status 204');
});
