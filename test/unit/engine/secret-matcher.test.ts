import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { type Match, SecretMatcher } from '../../../src/engine/secret-matcher.ts';

test('it finds what an expression of all secrets finds, the longest first, none twice', () => {
  const word = (length: number) => Array.from({ length }, () => 'ab.€'[randomInt(4)]).join('');
  for (let round = 0; round < 300; round += 1) {
    const secrets = [...new Set(Array.from({ length: 40 }, () => word(3 + randomInt(7))))];
    const text = word(400);
    const longestFirst = secrets.toSorted((a, b) => b.length - a.length);
    const pattern = new RegExp(
      longestFirst.map((secret) => secret.replaceAll('.', String.raw`\.`)).join('|'),
      'g',
    );
    const expected = [...text.matchAll(pattern)].map(({ 0: { length }, index }) => ({ index, length }));
    const matcher = new SecretMatcher(secrets, { keyLength: 3 });
    assert.deepEqual([...matcher.in(text)], expected, JSON.stringify({ secrets, text }));
    assert.equal(matcher.replaceAll(text, '#'), text.replaceAll(pattern, '#'));
  }
});

test('where the longest does not fit, a shorter one is taken', () => {
  const isEven = (_: string, { length }: Match) => length % 2 === 0;
  const matcher = new SecretMatcher(['abcde', 'abcd', 'abc'], { keyLength: 3, fits: isEven });
  assert.equal(matcher.replaceAll('xabcdex', '#'), 'x#ex');
  assert.equal(matcher.replaceAll('xabcx', '#'), 'xabcx');
});
