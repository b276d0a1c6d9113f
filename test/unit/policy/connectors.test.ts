import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connectorsFault,
  connectorsOf,
  enabledEntitlements,
  grantedConnectors,
} from '../../../src/policy/connectors.ts';

const entitlements = { A: { connector: 'ppdm' }, B: { connector: 'witsml' } };

test('connectors as they are typed', () => {
  assert.deepEqual(connectorsOf('witsml, ppdm,witsml'), ['ppdm', 'witsml']);
  assert.deepEqual(connectorsOf('none'), []);
  assert.deepEqual(connectorsOf(''), []);
});

test('a connector that the release or the licence does not have is refused with what can be typed', () => {
  assert.equal(connectorsFault(['witsml'], entitlements, ['B']), undefined);
  const misspelt = connectorsFault(['witsmal'], entitlements, undefined);
  assert.deepEqual(misspelt?.fix, 'witsml');
  assert.match(misspelt?.what ?? '', /no connector of this release, which has: ppdm, witsml/);
  const denied = connectorsFault(['ppdm', 'witsml'], entitlements, ['B']);
  assert.match(denied?.what ?? '', /does not grant ppdm; it grants: witsml/);
  assert.equal(denied?.fix, 'witsml');
  assert.equal(connectorsFault(['ppdm'], entitlements, [])?.fix, 'none');
});

test('what is granted and not chosen is not enabled; other entitlements stay', () => {
  assert.deepEqual(grantedConnectors(entitlements, ['B', 'X']), ['witsml']);
  assert.deepEqual(enabledEntitlements(entitlements, ['A', 'B', 'X'], ['witsml']), ['B', 'X']);
  assert.deepEqual(enabledEntitlements(entitlements, ['A', 'B'], undefined), ['A', 'B']);
});
