import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usedEntitlements } from '../../../src/policy/used-entitlements.ts';

const switches = { A: { enabledPath: ['connectors', 'a', 'enabled'] }, B: {} };
const used = (enabled: unknown, granted: unknown = []) =>
  usedEntitlements(switches, {
    values: { connectors: { a: { enabled } } },
    derived: { entitlements: granted },
  });

test('a switch is on where a template of Helm takes it for true', () => {
  for (const on of [true, 'true', 'false', 1, { x: 1 }]) assert.deepEqual(used(on), ['A']);
  for (const off of [false, undefined, null, 0, '', {}, []]) assert.deepEqual(used(off), []);
  assert.deepEqual(usedEntitlements(switches, { values: undefined, derived: {} }), []);
});

test('a connector without a switch runs where it was licensed when the product was installed', () => {
  assert.deepEqual(used(false, ['B', 'C']), ['B']);
  assert.deepEqual(used(true, 'B'), ['A']);
});
