import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { Redactor } from '../../../src/engine/redact.ts';

const secret = 'p@ss"w\\rd/+.*(1)';

test('a secret is taken out as it is, escaped, and in base64 wherever it begins', () => {
  const redactor = new Redactor();
  redactor.add(secret);
  for (const text of [
    secret,
    JSON.stringify({ secret }),
    `https://host/?q=${encodeURIComponent(secret)}`,
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
  ]) {
    const redacted = redactor.text(`before ${text} after`);
    assert.match(redacted, /before .*\[redacted\].* after/);
    assert.ok(!redacted.includes(secret) && !redacted.includes(text), redacted);
  }
  for (const prefix of ['', 'a', 'ab', 'abc', 'user:']) {
    const inside = Buffer.from(`${prefix}${secret}tail`).toString('base64');
    assert.match(redactor.text(inside), /\[redacted\]/, prefix);
  }
});

test('of a secret of several lines each long line is one; short texts are left alone', () => {
  const redactor = new Redactor();
  redactor.add('{\n  "serial": "ABCDEF-123456",\n}\n');
  redactor.add('abc');
  assert.equal(redactor.text('found "serial": "ABCDEF-123456", in it'), 'found [redacted] in it');
  assert.equal(redactor.text('abc { }'), 'abc { }');
});

test('the longer of two secrets is taken out whole', () => {
  const redactor = new Redactor();
  redactor.add('secret');
  redactor.add('secret-and-more');
  assert.equal(redactor.text('x secret-and-more y'), 'x [redacted] y');
});

test('plain data is redacted at every depth, keys included, and left as it is without secrets', () => {
  const redactor = new Redactor();
  const data = { a: [{ [secret]: `x${secret}` }], n: 1, z: null };
  assert.equal(redactor.value(data), data);
  redactor.add(secret);
  assert.deepEqual(redactor.value(data), { a: [{ '[redacted]': 'x[redacted]' }], n: 1, z: null });
});

test('of an error nothing unredacted is left: message, causes, output, hint', () => {
  const redactor = new Redactor();
  redactor.add(secret);
  const error = new IvaapError('rolled_back', `failed with ${secret}`, {
    cause: new Error(`because ${secret}`, { cause: new Error(`deep ${secret}`) }),
    output: `said ${secret}`,
    hint: `try ${secret}`,
    step: 'a',
  });
  const redacted = redactor.error(error, '/logs/run.jsonl');
  assert.equal(redacted.log, '/logs/run.jsonl');
  assert.equal(redactor.error(redacted).log, '/logs/run.jsonl');
  assert.equal(redacted.code, 'rolled_back');
  assert.equal(redacted.step, 'a');
  assert.deepEqual(describeError(redacted).causes, ['because [redacted]', 'deep [redacted]']);
  assert.ok(!JSON.stringify(describeError(redacted)).includes('p@ss'));
  assert.ok(!(redacted.stack ?? '').includes('p@ss'));
  const foreign = redactor.error(new TypeError(secret));
  assert.equal(foreign.code, 'bug');
  assert.ok(!JSON.stringify(describeError(foreign)).includes('p@ss'));
});
