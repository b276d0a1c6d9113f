import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { Cleaner } from '../../../src/support/clean.ts';
import { canaries, encodings } from '../../fixtures/canaries.ts';

/** Each form alone, in each place alone: nothing that another place has told helps. */

const places: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'a line of a log': (text) => `2026-01-01T00:00:00Z INFO server[1]: ${text}\nnext line\n`,
  'JSON in a log': (text) => JSON.stringify({ level: 'info', msg: text }),
  'an event': (text) => `2026-01-01T00:00:00Z  Pod/server-0  Failed  ${text}`,
  'values in YAML': (text) => stringify({ server: { note: text, other: 1 } }, { lineWidth: 0 }),
  'a variable of a pod': (text) =>
    stringify({ spec: { containers: [{ env: [{ name: 'NOTE', value: text }] }] } }, { lineWidth: 0 }),
  'an object in JSON': (text) =>
    JSON.stringify({ status: { containerStatuses: [{ state: { waiting: { message: text } } }] } }, null, 2),
  base64: (text) => `data: ${Buffer.from(text).toString('base64')}`,
  'a URL': (text) => `GET /log?line=${encodeURIComponent(text)} 200`,
};

for (const { form, secret, text } of canaries) {
  test(`${form} is removed wherever it stands`, () => {
    for (const [place, put] of Object.entries(places)) {
      const cleaner = new Cleaner();
      const said = put(text);
      cleaner.learn(said);
      const rest = cleaner.text(said);
      for (const found of encodings(secret))
        assert.ok(!rest.includes(found), `${place}: ${found.slice(0, 40)} in\n${rest}`);
    }
  });
}

test('what one text tells is removed from all others, in every encoding', () => {
  const secret = 'geh&im/<wert> "7"';
  const cleaner = new Cleaner();
  cleaner.learn(JSON.stringify({ name: 'DB_PASSWORD', value: secret }));
  for (const form of encodings(secret)) assert.doesNotMatch(cleaner.text(`x ${form} y`), /geh|Z2Vo/);
  assert.doesNotMatch(cleaner.text(Buffer.from(`a=${secret};`).toString('base64')), /Z2Vo|ltL/);
});

test('what is no secret stays: references, settings, digests, names, times', () => {
  const text = [
    'automountServiceAccountToken: true',
    'tokenExpirationSeconds: 3607',
    'secretName: tiny-password',
    'valueFrom:\n  secretKeyRef:\n    name: tiny-password\n    key: password',
    'volumes:\n- secret:\n    secretName: tiny-license',
    'image: registry.example/tiny/server:2026.1@sha256:' + 'ab'.repeat(32),
    'PASSWORD_FILE: /run/secrets/db',
    'author: Olga',
    'password: ${DB_PASSWORD}',
    'passed: 3 checks, 0 failed',
    'https://registry.example:5000/v2/',
    'step upgrade_pg_backup completed at 2026-01-01T00:00:00.000Z',
    'kind: Secret',
  ].join('\n');
  const cleaner = new Cleaner();
  cleaner.learn(text);
  assert.equal(cleaner.text(text), text);
});

test('a long run of one word, of base64 or of blanks costs little', () => {
  for (const unit of ['a', 'QUJD', ' ', 'token', '-----BEGIN A-----', 'x:', 'name: ', '%41', 'eyJ', '://']) {
    const text = unit.repeat(Math.ceil(200_000 / unit.length));
    const cleaner = new Cleaner();
    const started = performance.now();
    cleaner.learn(text);
    cleaner.text(text);
    const ms = performance.now() - started;
    assert.ok(ms < 5000, `${unit}: ${ms} ms`);
  }
});

test('thousands of secrets, and one of a megabyte, are removed in seconds', () => {
  const cleaner = new Cleaner();
  const token = (at: number) => createHash('sha256').update(String(at)).digest('base64url');
  const lines = Array.from(
    { length: 6000 },
    (_, at) => `request ${at} token=${token(at)} pin: ${100_000 + at}`,
  );
  const log = lines.join('\n');
  const long = `password=${'abcdefg/'.repeat(2 ** 17)}`;
  const repeated = 'password='.repeat(2 ** 16);
  const started = performance.now();
  for (const text of [log, long, repeated]) cleaner.learn(text);
  const rest = cleaner.text(`${log}\nelsewhere ${token(4711)} and ${encodings(token(12)).join(' ')}`);
  for (const at of [0, 12, 4711, 5999]) assert.ok(!rest.includes(token(at)), String(at));
  assert.match(rest, /elsewhere \[redacted\] and/);
  assert.equal(cleaner.text(long), 'password=[redacted]');
  assert.ok(!cleaner.text(repeated).includes('password=password=p'));
  const tookMs = performance.now() - started;
  assert.ok(tookMs < 30_000, `${tookMs} ms`);
});

test('the rest of a private key whose beginning was cut off is removed', () => {
  const rest = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'a1+/B2c3D4e5F6g7H8i9J0k1L2m3N4o5', 'Zz09=='];
  for (const [put, end] of [
    [(lines: string[]) => lines.join('\n'), '\nserver is up'],
    [(lines: string[]) => lines.map((line) => `    ${line}`).join('\n'), '\nother: 1'],
    [(lines: string[]) => lines.join('\\n'), '"}'],
  ] as const) {
    const cleaner = new Cleaner();
    const lines = [...rest, '-----END PRIVATE KEY-----'];
    const said = `[the first 7 characters are left out]\n${put(lines)}${end}`;
    cleaner.learn(said);
    const text = cleaner.text(said);
    for (const line of rest) assert.ok(!text.includes(line), text);
    assert.ok(text.endsWith(end), text);
  }
});
