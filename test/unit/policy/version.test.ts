import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import {
  compareVersions,
  formatVersion,
  parseVersion,
  requireVersion,
  sameVersion,
} from '../../../src/policy/version.ts';

test('the grammar is YYYY.N[.P][-pre], mapped to semver with patch 0', () => {
  for (const [text, semver] of [
    ['2026.1', '2026.1.0'],
    ['2026.1.0', '2026.1.0'],
    ['2026.10.3', '2026.10.3'],
    ['2026.2-rc.1', '2026.2.0-rc.1'],
    ['2027.1.2-beta-x', '2027.1.2-beta-x'],
    ['2026.0', '2026.0.0'],
  ]) {
    assert.equal(parseVersion(text ?? '')?.semver, semver);
  }
});

test('anything else is no version', () => {
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
    assert.equal(parseVersion(text), undefined, text);
  }
  assert.throws(
    () => requireVersion('2026', 'the installed version'),
    (error: unknown) => error instanceof IvaapError && /the installed version is "2026"/.test(error.message),
  );
});

test('versions sort by year, number and patch as numbers, a pre-release before its release', () => {
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
  const versions = sorted.map((text) => requireVersion(text, 'it'));
  assert.deepEqual(versions.toReversed().toSorted(compareVersions).map(formatVersion), sorted);
});

test('a patch of 0 is the version without one', () => {
  assert.ok(sameVersion('2026.1', '2026.1.0'));
  assert.ok(!sameVersion('2026.1', '2026.1.1'));
  assert.ok(!sameVersion('2026.1', '2026.1-rc.1'));
  assert.ok(!sameVersion('junk', 'junk'));
});
