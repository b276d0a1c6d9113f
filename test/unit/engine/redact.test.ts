import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeChain, describeError, IvaapError } from '../../../src/errors.ts';
import { foreign, unmarked } from '../../../src/foreign.ts';
import { Redactor } from '../../../src/engine/redact.ts';

const secret = 'p@ss"w\\rd/+.*(1)';

test('a secret is taken out as it is, escaped, and in base64 wherever it starts', () => {
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

test('the longer of two secrets is removed completely', () => {
  const redactor = new Redactor();
  redactor.add('secret');
  redactor.add('secret-and-more');
  assert.equal(redactor.text('x secret-and-more y'), 'x [redacted] y');
});

test('plain data is redacted at every depth, keys included, and left as it is without secrets', () => {
  const redactor = new Redactor();
  const data = { a: [{ [secret]: `x${secret}` }], n: 1, z: null };
  assert.deepEqual(redactor.value(data), data);
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
  const defect = redactor.error(new TypeError(secret));
  assert.equal(defect.code, 'bug');
  assert.ok(!JSON.stringify(describeError(defect)).includes('p@ss'));
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

test('in foreign text it is hidden where it is a complete word, in each form', () => {
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

const quoted = ['ivaap', 'fail', '2026', 'true', '12345678'];

function knowing(words: readonly string[]): Redactor {
  const redactor = new Redactor();
  words.forEach((word) => redactor.add(word));
  return redactor;
}

test('what a message of ours quotes is hidden in each form, and our own text around it stays', () => {
  const redactor = knowing(quoted);
  for (const word of quoted) {
    for (const form of [word, `"${word}"`, Buffer.from(word).toString('base64')]) {
      const theirs = `a ${form} b`;
      const own = `ivaap fail 2026 true 12345678 of /opt/ivaap: `;
      assert.equal(
        redactor.own(`${own}${foreign(theirs)}${own}`),
        `${own}${redactor.text(theirs)}${own}`,
        form,
      );
      assert.doesNotMatch(redactor.own(`${own}${foreign(theirs)}`).slice(own.length), new RegExp(word));
    }
    // A part of a path, of a name, of a version is another word.
    for (const kept of [`/opt/${word}/x`, `${word}-0`, `${word}.5`])
      assert.equal(redactor.own(foreign(kept)), kept);
  }
});

test('marks never reach the reader, with secrets and without, whatever was cut off or quoted twice', () => {
  const texts = [foreign('x'), foreign(`a ${foreign('b')} c`), foreign('cut').slice(0, 2), 'own', ''];
  for (const redactor of [knowing([]), knowing(quoted)]) {
    for (const text of texts) {
      assert.equal(redactor.own(text), unmarked(text));
      assert.equal(redactor.text(text), unmarked(text));
      const event = { line: text, list: [text], output: text, path: text, [text]: 1 };
      assert.equal(JSON.stringify(redactor.value(event)), unmarked(JSON.stringify(event)));
      const error = new IvaapError('failed', text, { cause: new Error(text), output: text, facts: [text] });
      const reported = JSON.stringify(describeError(redactor.error(error)));
      assert.equal(reported, unmarked(reported));
    }
  }
});

test('a quote that is cut off is foreign to its end', () => {
  assert.equal(
    knowing(quoted).own(`ivaap ${foreign('pw ivaap and ivaap')}`.slice(0, -1)),
    'ivaap pw [redacted] and [redacted]',
  );
});

test('an error quotes what is no error of ours as foreign text, and its own causes keep theirs', () => {
  const redactor = knowing(quoted);
  const cause = new IvaapError('failed', 'ivaap did not answer', { cause: new Error('login ivaap refused') });
  const [first = '', second = ''] = causeChain(cause);
  assert.equal(
    redactor.own(`ivaap: ${first}: ${second}`),
    'ivaap: ivaap did not answer: login [redacted] refused',
  );
  const reported = describeError(redactor.error(new IvaapError('failed', 'upgrade', { cause })));
  assert.deepEqual(reported.causes, ['ivaap did not answer', 'login [redacted] refused']);
});

test('an output without marks is others’, one with marks keeps our commands', () => {
  const redactor = knowing(quoted);
  const command = 'psql -U ivaap -d ivaap';
  const output = `${foreign('level=error ivaap true')}\n${command}`;
  assert.equal(redactor.value({ output }).output, `level=error [redacted] [redacted]\n${command}`);
  assert.equal(redactor.value({ output: 'pw ivaap' }).output, 'pw [redacted]');
});

test('a changed field is others’ at every depth: texts, numbers and switches', () => {
  const change = (value: unknown) => ({ path: 'spec.ivaap', from: value, to: { a: [value, { ivaap: 1 }] } });
  for (const value of ['ivaap', 'fail', 2026, true, 12345678, 'true'])
    assert.deepEqual(knowing(quoted).value(change(value)), {
      path: 'spec.ivaap',
      from: '[redacted]',
      to: { a: ['[redacted]', { '[redacted]': 1 }] },
    });
  assert.deepEqual(knowing(['other']).value(change(3)), change(3));
  assert.deepEqual(knowing(quoted).value({ type: 'run.started', from: '2026', to: 'ivaap' }), {
    type: 'run.started',
    from: '2026',
    to: 'ivaap',
  });
});
