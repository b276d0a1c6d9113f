import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notDumped } from '../../../src/backup/dump-files.ts';
import { unmarked } from '../../../src/foreign.ts';

const told = (...names: string[]) => unmarked(notDumped(names));

test('what a restore moved aside, or left unfinished, is not taken for a database of somebody else', () => {
  assert.equal(
    told('tinydb_moved_20260131T235959_123', 'notes', 'tinydb_restore_20260201T000000_7', 'wiki'),
    'not dumped, other databases of the same server: notes, wiki; ' +
      'moved aside by a restore: tinydb_moved_20260131T235959_123; ' +
      'unfinished copies of a restore: tinydb_restore_20260201T000000_7',
  );
  assert.equal(
    told('tinydb_moved_20260131T235959_123'),
    'not dumped, moved aside by a restore: tinydb_moved_20260131T235959_123',
  );
});

test('a name that only resembles one stays a database of somebody else', () => {
  for (const name of ['tinydb_moved_', 'tinydb_moved_2026', 'moved', 'tinydb_moved_20260131T235959_123_old'])
    assert.equal(told(name), `not dumped, other databases of the same server: ${name}`);
});
