import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Patch, PatchCondition } from '../../../src/policy/values-patches.ts';
import { computeOverlay, valueAt } from '../../../src/policy/values-patches.ts';

const values = { a: { b: 'old', list: [{ x: 1 }], empty: null }, flag: false };
const patch = (
  id: string,
  when: PatchCondition[],
  set: Patch['set'] = [{ path: ['n', id], value: 1 }],
): Patch => ({
  id,
  why: `because of ${id}`,
  when,
  set,
});
const applies = (...when: PatchCondition[]) =>
  computeOverlay(values, [patch('p', when)]).applied.length === 1;

test('a patch applies while all of its conditions hold on the values', () => {
  assert.ok(applies());
  assert.ok(applies({ path: ['a', 'b'], equals: 'old' }));
  assert.ok(!applies({ path: ['a', 'b'], equals: 'new' }));
  assert.ok(applies({ path: ['a', 'list'], equals: [{ x: 1 }] }));
  assert.ok(!applies({ path: ['a', 'list'], equals: [{ x: 2 }] }));
  assert.ok(applies({ path: ['flag'], equals: false }));
  assert.ok(!applies({ path: ['flag'], equals: 'false' }));
  assert.ok(applies({ path: ['a', 'none'], absent: true }));
  assert.ok(!applies({ path: ['a', 'b'], absent: true }));
  assert.ok(applies({ path: ['a', 'empty'], present: true }));
  assert.ok(!applies({ path: ['a', 'b', 'c'], present: true }));
  assert.ok(!applies({ path: ['a', 'b'], equals: 'old' }, { path: ['x'], present: true }));
});

test('a path through a list or an inherited name leads nowhere', () => {
  assert.equal(valueAt(values, ['a', 'list', '0']), undefined);
  assert.equal(valueAt(values, ['a', 'list', 'length']), undefined);
  assert.equal(valueAt(values, ['toString']), undefined);
  assert.equal(valueAt(values, ['a', 'constructor']), undefined);
});

test('the overlay holds what the patches set and nothing else; the values are left alone', () => {
  const before = structuredClone(values);
  const overlay = computeOverlay(values, [
    patch(
      'one',
      [],
      [
        { path: ['a', 'b'], value: 'new' },
        { path: ['a', 'c', 'd'], value: [1] },
      ],
    ),
    patch('two', [{ path: ['a', 'b'], equals: 'new' }]),
    patch('three', [{ path: ['flag'], equals: false }], [{ path: ['a', 'c', 'e'], value: null }]),
  ]);
  assert.deepEqual(overlay.values, { a: { b: 'new', c: { d: [1], e: null } } });
  assert.deepEqual(overlay.applied, [
    { id: 'one', why: 'because of one', paths: ['a.b', 'a.c.d'] },
    { id: 'three', why: 'because of three', paths: ['a.c.e'] },
  ]);
  assert.deepEqual(values, before);
  assert.deepEqual(computeOverlay(values, []), { values: {}, applied: [] });
});

test('two patches that set one path to different values are a defect of the payload', () => {
  const set = (value: number) => [{ path: ['x'], value }];
  assert.throws(
    () => computeOverlay(values, [patch('one', [], set(1)), patch('two', [], set(2))]),
    /one and two/,
  );
  assert.equal(
    computeOverlay(values, [patch('one', [], set(1)), patch('two', [], set(1))]).applied.length,
    2,
  );
});
