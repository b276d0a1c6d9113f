import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../src/errors.ts';
import {
  compareVersions,
  formatVersion,
  isVersion,
  notOfScheme,
  oneText,
  orderOf,
  parseVersion,
  recordOf,
  requireVersion,
  sameRecordedVersion,
  sameVersion,
} from '../../src/version.ts';

test('calver is YYYY.N[.P][-pre], with one text for each version', () => {
  for (const [text, one] of [
    ['2026.1', '2026.1'],
    ['2026.1.0', '2026.1'],
    ['2026.10.3', '2026.10.3'],
    ['2026.2-rc.1', '2026.2-rc.1'],
    ['2026.2.0-rc.1', '2026.2-rc.1'],
    ['2027.1.2-beta-x', '2027.1.2-beta-x'],
    ['2026.0', '2026.0'],
  ] as const) {
    assert.equal(oneText(text, 'calver'), one);
    assert.notEqual(parseVersion(text, 'calver'), undefined, text);
  }
});

test('semver is Semantic Versioning 2.0.0, whose build metadata is no part of the value', () => {
  for (const [text, one] of [
    ['2.2.0', '2.2.0'],
    ['0.0.0', '0.0.0'],
    ['2.2.0+5', '2.2.0'],
    ['2.2.0-rc.1+sha.5114f85', '2.2.0-rc.1'],
    ['1.0.0--.-', '1.0.0--.-'],
    ['1.0.0+0.build.1-rc.10000aaa-kk-0.1', '1.0.0'],
    ['1.0.0-0A.is.legal', '1.0.0-0A.is.legal'],
    ['2026.1.0', '2026.1.0'],
  ] as const) {
    assert.equal(oneText(text, 'semver'), one);
    assert.notEqual(parseVersion(text, 'semver'), undefined, text);
  }
  for (const text of [
    '',
    '2',
    '2.2',
    '2.2.0.0',
    'v2.2.0',
    'V2.2.0',
    '=2.2.0',
    ' 2.2.0',
    '2.2.0 ',
    '2.2.0\n',
    '02.2.0',
    '2.2.0-01',
    '2.2.0-',
    '2.2.0+',
    '2.2.0-rc..1',
    '2.2.0-rc_1',
    '2.2.0+a+b',
    '99999999999999999.0.0',
    '-1.0.0',
    '2.x.0',
    '>=2.2.0',
  ]) {
    assert.equal(parseVersion(text, 'semver'), undefined, text);
    assert.equal(oneText(text, 'semver'), text);
  }
});

test('semver orders as its own page says', () => {
  const sorted = [
    '0.9.0',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.10',
    '1.2.0',
    '1.10.0',
    '10.0.0',
  ];
  const versions = sorted.map((text) => requireVersion(text, 'it', 'semver'));
  assert.deepEqual(versions.toReversed().toSorted(compareVersions).map(formatVersion), sorted);
});

test('a refusal says what was meant, where that can be guessed', () => {
  for (const [text, scheme, meant] of [
    ['v2.2.0', 'semver', '2.2.0'],
    [' 2.2.0 ', 'semver', '2.2.0'],
    ['2.2', 'semver', '2.2.0'],
    ['V2.2', 'semver', '2.2.0'],
    ['v2026.1', 'calver', '2026.1'],
    ['2026', 'calver', '2026.0'],
  ] as const)
    assert.match(notOfScheme(text, scheme), new RegExp(`: write ${meant.replaceAll('.', '\\.')}$`));
  assert.match(notOfScheme('soon', 'semver'), /"soon".*form MAJOR\.MINOR\.PATCH\[-pre\]\[\+build\]$/);
});

test('texts are compared in a scheme that has both', () => {
  for (const [left, right, order] of [
    ['2026.1', '2026.1.0', 0],
    ['2.2.0', '2.2.0+5', 0],
    ['2.2.0+4', '2.2.0+5', 0],
    ['2.2.0', '2.10.0', -1],
    ['2026.2', '2026.1.9', 1],
    ['2026.1', '3.0.0', undefined],
    ['2026.1', '2026.1.0+5', undefined],
    ['junk', 'junk', undefined],
  ] as const) {
    assert.equal(orderOf(left, right), order, `${left} ${right}`);
    assert.equal(sameVersion(left, right), order === 0);
  }
  assert.ok(sameRecordedVersion('junk', 'junk') && sameRecordedVersion(null, null));
  assert.ok(!sameRecordedVersion(null, '2026.1') && !sameRecordedVersion('2026.1', '2026.2'));
  assert.ok(isVersion('2026.1') && isVersion('2.2.0+5') && !isVersion('2.2'));
  const records = { '2.2.0+4': 'a', '2026.1.0': 'b' };
  assert.deepEqual(recordOf(records, '2.2.0'), ['2.2.0+4', 'a']);
  assert.deepEqual(recordOf(records, '2026.1'), ['2026.1.0', 'b']);
  assert.equal(recordOf(records, '2.2.1') ?? recordOf(records, null), undefined);
});

test('anything else is no version of calver', () => {
  for (const text of [
    '',
    '2026',
    '26.1',
    '2026.',
    '2026.01',
    '2026.1.2.3',
    '2026.1-',
    '2026.1-rc..1',
    '2026.1-01',
    'v2026.1',
    '2026.1+build',
    ' 2026.1',
    '2026.1\n',
    '2026.1-rc_1',
    '20260.1',
    '2026.999999',
  ]) {
    assert.equal(parseVersion(text, 'calver'), undefined, text);
  }
  assert.throws(
    () => requireVersion('2026', 'the installed version', 'calver'),
    (error: unknown) => error instanceof IvaapError && /the installed version is "2026"/.test(error.message),
  );
});

test('calver sorts by year, number and patch as numbers, a pre-release before its release', () => {
  const sorted = [
    '2025.9',
    '2026.1-alpha',
    '2026.1-rc.2',
    '2026.1-rc.10',
    '2026.1',
    '2026.1.1',
    '2026.2',
    '2026.10',
    '2027.1',
  ];
  const versions = sorted.map((text) => requireVersion(text, 'it', 'calver'));
  assert.deepEqual(versions.toReversed().toSorted(compareVersions).map(formatVersion), sorted);
});

test('a patch of 0 is the version without one', () => {
  assert.ok(sameVersion('2026.1', '2026.1.0'));
  assert.ok(!sameVersion('2026.1', '2026.1.1'));
  assert.ok(!sameVersion('2026.1', '2026.1-rc.1'));
  assert.ok(!sameVersion('junk', 'junk'));
});
