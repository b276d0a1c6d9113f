import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { isExpired, parseLicense } from '../../../src/policy/entitlements.ts';

test('a licence file of an editor that marks or widens it is reported as such', () => {
  const licence = '{"entitlements":[]}';
  const decoded = (bytes: Buffer) => bytes.toString('utf8');
  for (const [text, why] of [
    [`\ufeff${licence}`, /starts with a byte order mark/],
    [decoded(Buffer.from(`\ufeff${licence}`, 'utf16le')), /UTF-16/],
    [decoded(Buffer.from(licence, 'utf16le')), /UTF-16/],
    ['\n', /is empty/],
    ['no', /is not JSON/],
  ] as const)
    assert.throws(
      () => parseLicense(text, '/licence'),
      (error: IvaapError) => {
        assert.match(error.message, why);
        assert.ok(error.hint!.includes('/licence'));
        return error.code === 'usage';
      },
    );
});

test('a licence file that is nested without end is refused by its name', () => {
  for (const levels of [450, 50_000]) {
    const deep = '['.repeat(levels) + ']'.repeat(levels);
    for (const text of [deep, `{"entitlements":[],"more":${deep}}`])
      assert.throws(() => parseLicense(text, '/licence'), {
        code: 'usage',
        message: 'the licence file /licence is nested deeper than 400 levels',
      });
  }
});

test('a licence file that cannot be used is named, and nothing of it is shown', () => {
  for (const text of [
    'SECRET {',
    '"SECRET"',
    'null',
    '{"entitlements":"SECRET"}',
    '{"entitlements":[1]}',
    '{"entitlements":[],"expires":"SECRET"}',
    // JavaScript reads these as days of March.
    '{"entitlements":[],"expires":"2099-02-31"}',
    '{"entitlements":[],"expires":"2027-02-29T12:00:00Z"}',
  ]) {
    assert.throws(
      () => parseLicense(text, '/licence'),
      (error: unknown) =>
        error instanceof IvaapError &&
        error.code === 'usage' &&
        error.message.includes('/licence') &&
        !error.message.includes('SECRET') &&
        error.hint !== undefined &&
        error.cause === undefined,
    );
  }
  assert.deepEqual(parseLicense('{"entitlements":["X"],"customer":"y"}', '/l'), {
    format: 'json',
    entitlements: ['X'],
    expires: undefined,
    flexnet: undefined,
  });
});

test('a licence that names a day counts until that day is over', () => {
  const license = { expires: '2027-01-31' };
  assert.equal(isExpired(license, new Date('2027-01-31T23:59:59Z')), false);
  assert.equal(isExpired(license, new Date('2027-02-01T00:00:00Z')), true);
  assert.equal(isExpired({ expires: '2027-01-31T12:00:00Z' }, new Date('2027-01-31T12:00:00Z')), true);
  assert.equal(isExpired({ expires: undefined }, new Date()), false);
});
