import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToldKey, ToldNotes } from '../../../src/policy/release-notes.ts';
import { notesLines } from '../../../src/ui/notes-text.ts';

const key = (more: Partial<ToldKey>): ToldKey => ({
  key: 'a.b',
  when: 'present',
  todo: 'do it',
  replacedBy: null,
  blocks: false,
  yours: null,
  ...more,
});

const note = (more: Partial<ToldNotes>): ToldNotes => ({
  version: '2026.2',
  breaking: [],
  migration: null,
  lines: [],
  ...more,
});

test('each kind of note is one line below its release', () => {
  const migration = { kind: 'one-way', text: 'columns move', blocks: false, yours: null } as const;
  assert.deepEqual(
    notesLines([
      note({ breaking: [key({ replacedBy: 'c' })], migration, lines: ['Faster.'] }),
      note({ version: '2027.1', lines: ['Faster still.'] }),
    ]),
    [
      '2026.2',
      '  values: a.b -> c: do it',
      '  one-way migration: columns move',
      '  Faster.',
      '2027.1',
      '  Faster still.',
    ],
  );
});

test('what concerns this host is marked', () => {
  const lineOf = (more: Partial<ToldKey>) => notesLines([note({ breaking: [key(more)] })])[1];
  assert.equal(lineOf({ yours: 'affected' }), '  ! values: a.b (in your values file): do it');
  assert.equal(
    lineOf({ yours: 'affected', blocks: true, when: 'equals', equals: 'x' }),
    '  ! values, blocks: a.b = "x" (in your values file): do it',
  );
  assert.equal(lineOf({ yours: 'not affected' }), '  values: a.b (not in your values file): do it');
  assert.equal(lineOf({ yours: 'replaced' }), '  values: a.b (replaced in your values already): do it');
  assert.equal(
    lineOf({ yours: 'affected', when: 'absent' }),
    '  ! values: a.b must be set (missing in your values file): do it',
  );
  assert.equal(
    lineOf({ yours: 'replaced', when: 'absent' }),
    '  values: a.b must be set (set already): do it',
  );
  assert.equal(
    lineOf({ yours: 'taken over' }),
    '  ! values: a.b (your file still has a.b, a values patch sets the new key): do it',
  );
  assert.equal(
    lineOf({ yours: 'taken over', when: 'absent' }),
    '  values: a.b must be set (not in your values file, a values patch sets it): do it',
  );
  const staged = { kind: 'staged', text: 'slow', blocks: true } as const;
  assert.deepEqual(
    (['at once', 'later'] as const).map(
      (yours) => notesLines([note({ migration: { ...staged, yours } })])[1],
    ),
    [
      '  ! staged migration, blocks (in this run): slow',
      '  staged migration, blocks (not in this run): slow',
    ],
  );
});
