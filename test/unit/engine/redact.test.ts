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
  redactor.add('ab');
  assert.equal(redactor.text('found "serial": "ABCDEF-123456", in it'), 'found [redacted] in it');
  assert.equal(redactor.text('ab { }'), 'ab { }');
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

const ordinary = ['ivaap', 'fail', '2026', 'true', '12345678', 'ok', 'upgrade', 'helm', '2026-11-27', 'abc'];

test('a secret that is an ordinary word or number leaves what we made as it is', () => {
  const redactor = new Redactor();
  ordinary.forEach((word) => redactor.add(word));
  const event = {
    type: 'preflight.report',
    at: '2026-11-27T09:00:00.000Z',
    run: '2026-11-27T09-00-00Z-ivaap',
    results: [
      {
        id: 'ivaap',
        check: 'helm',
        kind: 'guard',
        status: 'fail',
        measured: '2026 of 12345678',
        ok: true,
        bytes: 12345678,
      },
    ],
    dump: '/opt/ivaap/.installer/backups/2026-11-27/ivaap.sql',
    argv: ['helm', 'upgrade', 'ivaap', '--set', 'a=true'],
    lines: ["sudo -u postgres psql -d ivaap -f '/opt/ivaap/ivaap.sql'", 'ivaap 2026.1 -> 2026.2: fail'],
    true: { ivaap: 2026 },
  };
  assert.deepEqual(redactor.value(event), event);
  const error = new IvaapError('failed', 'upgrade of ivaap failed: fail', {
    hint: './ivaap install --upgrade',
    step: 'helm',
  });
  const described = describeError(redactor.error(error));
  assert.deepEqual(described, describeError(error));
});

test('in the words of others it is hidden where it is a whole word, in each form', () => {
  const redactor = new Redactor();
  ordinary.forEach((word) => redactor.add(word));
  for (const word of ordinary.filter(({ length }) => length > 2)) {
    for (const text of [
      `password=${word}`,
      `login "${word}" refused`,
      `${word}`,
      `x: ${word}.`,
      `db://u:${word}@host/`,
      `(${word})`,
    ])
      assert.equal(redactor.text(text), text.replace(word, '[redacted]'), text);
    for (const text of [`/opt/${word}/x`, `x${word}`, `${word}s`, `a-${word}`, `${word}_b`, `${word}.5`])
      assert.equal(redactor.text(text), text, text);
    const encoded = Buffer.from(word).toString('base64');
    assert.equal(redactor.text(`data: ${encoded}`).includes(encoded), false, encoded);
  }
  assert.equal(redactor.value({ output: 'said ivaap', causes: ['pw fail'] }).output, 'said [redacted]');
  assert.equal(
    describeError(redactor.error(new IvaapError('failed', 'a', { output: 'pw 12345678' }))).output,
    'pw [redacted]',
  );
});

test('what is no ordinary word is hidden everywhere but in what says what a thing is', () => {
  const redactor = new Redactor();
  redactor.add('kanarienvogel-4711');
  const event = {
    type: 'message',
    line: 'a kanarienvogel-4711 b',
    id: 'kanarienvogel-4711',
    data: { 'kanarienvogel-4711': 1 },
  };
  assert.deepEqual(redactor.value(event), { ...event, line: 'a [redacted] b', data: { '[redacted]': 1 } });
});
