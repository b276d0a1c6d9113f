import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BreakingKey,
  concerns,
  keyText,
  notesBetween,
  type ReleaseNotes,
  toldNotes,
} from '../../../src/policy/release-notes.ts';
import { readAsHelm } from '../../../src/release/values-yaml.ts';

/** A values file as Helm reads it. */
function valuesOf(text: string) {
  const read = readAsHelm(text);
  assert.ok('root' in read, text);
  return read.root;
}

type Condition = Pick<BreakingKey, 'path' | 'equals' | 'absent'>;
const units = ['backend', 'units'];

/** Each: the condition of a note, a values file, whether the note concerns it. */
const variants: [name: string, condition: Condition, file: string, concerned: boolean][] = [
  ['a nested key', { path: units }, 'backend: { units: metric }', true],
  ['its parent alone', { path: units }, 'backend: { other: 1 }', false],
  ['the same name elsewhere', { path: units }, 'units: metric\nfrontend: { units: metric }', false],
  ['a parent that is a text', { path: units }, 'backend: units', false],
  ['an empty file', { path: units }, '', false],
  ['a value as an anchor gives it', { path: units }, 'a: &u metric\nbackend: { units: *u }', true],
  ['a key that is merged in', { path: units }, 'a: &b { units: metric }\nbackend: { <<: *b, x: 1 }', true],
  ['a merge without the key', { path: units }, 'a: &b { x: 1 }\nbackend: { <<: *b }', false],
  ['null: to Helm the key is not there', { path: units }, 'backend: { units: null }', false],
  ['nothing after the colon', { path: units }, 'backend:\n  units:\n', false],
  ['a parent that is null', { path: units }, 'backend: ~', false],
  ['false is a value', { path: units }, 'backend: { units: false }', true],
  ['an empty text is a value', { path: units }, "backend: { units: '' }", true],
  ['0 is a value', { path: units }, 'backend: { units: 0 }', true],
  ['lines that end with CR LF', { path: units }, 'backend:\r\n  units: metric\r\n', true],
  ['a value before CR LF', { path: units, equals: 'metric' }, 'backend:\r\n  units: metric\r\n', true],
  ['a key with dots', { path: ['labels', 'a.b/c'] }, "labels: { 'a.b/c': x }", true],
  ['dots are no levels', { path: ['labels', 'a.b'] }, 'labels: { a: { b: x } }', false],
  ['levels are no dots', { path: ['a', 'b'] }, 'a.b: x', false],
  ['a quoted key', { path: units }, '"backend": { "units": metric }', true],
  ['a key like a built-in name', { path: ['constructor'] }, 'a: 1', false],
  ['the old value', { path: units, equals: 'imperial' }, 'backend: { units: imperial }', true],
  ['another value', { path: units, equals: 'imperial' }, 'backend: { units: metric }', false],
  ['a text is not a boolean', { path: units, equals: 'true' }, 'backend: { units: true }', false],
  ['yes is true, as Helm reads it', { path: units, equals: true }, 'backend: { units: yes }', true],
  ['the old value null', { path: units, equals: null }, 'backend: { units: null }', true],
  ['null is not absence', { path: units, equals: null }, 'backend: {}', false],
  ['a list as the old value', { path: ['hosts'], equals: ['a', 'b'] }, 'hosts: [a, b]', true],
  ['the list in another order', { path: ['hosts'], equals: ['a', 'b'] }, 'hosts: [b, a]', false],
  ['a map as the old value', { path: ['m'], equals: { a: 1, b: 2 } }, 'm: { b: 2, a: 1 }', true],
  ['any entry of a list', { path: ['hosts', '[]', 'tls'] }, 'hosts: [{ name: a }, { tls: x }]', true],
  ['no entry of a list', { path: ['hosts', '[]', 'tls'] }, 'hosts: [{ name: a }]', false],
  ['an entry by its value', { path: ['hosts', '[]'], equals: 'a' }, 'hosts: [b, a]', true],
  ['an empty list', { path: ['hosts', '[]', 'tls'] }, 'hosts: []', false],
  ['lists in lists', { path: ['a', '[]', '[]', 'b'] }, 'a: [[{ c: 1 }], [{ b: 1 }]]', true],
  ['a list has no keys', { path: ['hosts', 'tls'] }, 'hosts: [{ tls: x }]', false],
  ['[] of a map', { path: ['hosts', '[]', 'tls'] }, 'hosts: { a: { tls: x } }', false],
  ['absent', { path: units, absent: true }, 'backend: {}', true],
  ['absent with its parent', { path: units, absent: true }, '', true],
  ['absent because null', { path: units, absent: true }, 'backend: { units: ~ }', true],
  ['not absent', { path: units, absent: true }, 'backend: { units: metric }', false],
  ['not absent when merged', { path: units, absent: true }, 'a: &b { units: x }\nbackend: { <<: *b }', false],
  ['absent in one entry', { path: ['h', '[]', 'x'], absent: true }, 'h: [{ x: 1 }, {}]', true],
  ['absent in no entry of none', { path: ['h', '[]', 'x'], absent: true }, 'h: []', false],
];

for (const [name, condition, file, concerned] of variants) {
  test(`a note concerns a values file or not: ${name}`, () => {
    assert.equal(concerns(condition, valuesOf(file)), concerned);
  });
}

test('a path as text says where its keys end, and fits into a waiver', () => {
  assert.equal(keyText(['a', 'b-c', 'd_1']), 'a.b-c.d_1');
  assert.equal(keyText(['labels', 'a.b/c']), 'labels["a.b/c"]');
  assert.equal(keyText(['hosts', '[]', 'tls']), 'hosts[].tls');
  assert.equal(keyText(['x', 'a=b']), 'x["a\\u003db"]');
});

const empty = { breaking: [], lines: [] };
const noted = (...versions: string[]) => versions.map((version) => ({ ...empty, version }));
const versions = (notes: readonly { version: string }[]) => notes.map(({ version }) => version);

test('the notes of every release after the installed one apply, up to this one, oldest first', () => {
  const notes = noted('2027.1', '2026.1', '2026.10', '2026.2', '2026.2.1', '2027.2');
  const between = (from: string | null, to: string) => versions(notesBetween(notes, { from, to }));
  assert.deepEqual(between('2026.1', '2027.1'), ['2026.2', '2026.2.1', '2026.10', '2027.1']);
  assert.deepEqual(between('2026.2', '2026.2.1'), ['2026.2.1']);
  assert.deepEqual(between('2026.2.0', '2026.10'), ['2026.2.1', '2026.10']);
  assert.deepEqual(between('2026.2-rc.1', '2026.2'), ['2026.2']);
  assert.deepEqual(between('2027.1', '2027.1'), []);
  assert.deepEqual(between('2028.1', '2027.1'), []);
  assert.deepEqual(between(null, '2026.2'), ['2026.1', '2026.2']);
  // A version that cannot be read is not a newer one: nothing is left out for it.
  assert.deepEqual(between('unknown', '2026.2'), ['2026.1', '2026.2']);
});

const key = (path: string, more: Partial<BreakingKey> = {}): BreakingKey => ({
  path: path.split('.'),
  todo: 'do it',
  blocks: false,
  ...more,
});
const of = (version: string, ...breaking: BreakingKey[]): ReleaseNotes => ({ version, breaking, lines: [] });

function yours(notes: readonly ReleaseNotes[], own: string, overlay = ''): string[] {
  const host = { own: valuesOf(own), overlay: valuesOf(overlay), migrates: undefined };
  return toldNotes(notes, host).flatMap(({ breaking }) =>
    breaking.map((one) => `${one.key} ${one.yours ?? 'unknown'}`),
  );
}

test('a key is replaced when the operator has set its successor, and taken over when a patch sets it', () => {
  const notes = [of('2026.2', key('a', { replacedBy: ['b'] }))];
  assert.deepEqual(yours(notes, 'a: 1'), ['a affected']);
  assert.deepEqual(yours(notes, 'b: 1'), ['a not affected']);
  assert.deepEqual(yours(notes, 'a: 1\nb: 2'), ['a replaced']);
  assert.deepEqual(yours(notes, 'a: 1', 'b: 2'), ['a taken over']);
  assert.deepEqual(yours(notes, 'a: 1\nb: 2', 'b: 3'), ['a replaced']);
  assert.deepEqual(yours(notes, 'a: 1\nb: null'), ['a affected']);
});

test('a successor that a later release renames again counts in its newest form too', () => {
  const notes = [
    of('2026.2', key('a', { replacedBy: ['b'] })),
    of('2027.1', key('b', { replacedBy: ['c', 'd'] })),
  ];
  assert.deepEqual(yours(notes, 'a: 1'), ['a affected', 'b not affected']);
  assert.deepEqual(yours(notes, 'a: 1\nb: 1'), ['a replaced', 'b affected']);
  assert.deepEqual(yours(notes, 'a: 1\nc: { d: 1 }'), ['a replaced', 'b not affected']);
  // Two that name each other end.
  const circle = [of('2026.2', key('a', { replacedBy: ['b'] }), key('b', { replacedBy: ['a'] }))];
  assert.deepEqual(yours(circle, 'a: 1'), ['a replaced', 'b not affected']);
});

test('a key that must be set is taken over when a patch sets it', () => {
  const notes = [of('2026.2', key('a', { absent: true }))];
  assert.deepEqual(yours(notes, ''), ['a affected']);
  assert.deepEqual(yours(notes, '', 'a: 5'), ['a taken over']);
  assert.deepEqual(yours(notes, 'a: 4'), ['a not affected']);
});

test('without a values file nothing is said of one', () => {
  const migration = { kind: 'staged', text: 'slow', blocks: true } as const;
  const [told] = toldNotes([{ ...of('2026.2', key('a', { equals: 'x' })), migration }]);
  assert.deepEqual(told?.breaking, [
    {
      key: 'a',
      when: 'equals',
      equals: 'x',
      todo: 'do it',
      replacedBy: null,
      blocks: false,
      yours: null,
    },
  ]);
  assert.deepEqual(told?.migration, { ...migration, yours: null });
});
