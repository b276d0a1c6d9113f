import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { wayBackOf } from '../../../src/backup/way-back.ts';

const time = (minute: number) => `2026-05-01T10:${String(minute).padStart(2, '0')}:00.000Z`;

const dump = (minute: number, schemaVersion: number) => ({
  folder: `/b/${minute}`,
  path: `/b/${minute}/db.sql`,
  sizeBytes: 1,
  sha256: 'x',
  rows: 1,
  owner: 'o',
  schemaVersion,
  takenAt: time(minute),
});

interface Row {
  what: string;
  /** Minute and schema of the dump that was there when Helm first started, at minute 10 with schema 4. */
  anchor?: [number, number];
  /** Of the run's newest dump. */
  own?: [number, number];
  /** Schema that Helm found; null when nobody could be asked. */
  asked?: number | null;
  ends?: [minute: number, code: string][];
  started?: boolean;
  before?: number;
  later?: number;
  restore?: number;
  restored?: boolean;
}

const rows: Row[] = [
  { what: 'Helm has not started', own: [5, 4], started: false, before: 5, restore: 5 },
  { what: 'no dump at all' },
  { what: 'the first attempt', anchor: [5, 4], own: [5, 4], before: 5, restore: 5 },
  { what: 'the schema had moved', anchor: [5, 4], own: [20, 5], before: 5, later: 20, restore: 5 },
  { what: 'without a dump, the schema had moved', own: [20, 5], later: 20 },
  { what: 'without a dump, the schema had not moved', own: [20, 4], later: 20, restore: 20 },
  { what: 'killed, not moved', anchor: [5, 4], own: [20, 4], before: 5, later: 20, restore: 5 },
  {
    what: 'rolled back, used for a day, tried again',
    anchor: [5, 4],
    own: [20, 4],
    ends: [[15, 'rolled_back']],
    before: 5,
    later: 20,
    restore: 20,
  },
  {
    what: 'moved, restored, tried again',
    anchor: [5, 4],
    own: [20, 4],
    ends: [[15, 'schema_moved']],
    before: 5,
    later: 20,
    restore: 20,
    restored: true,
  },
  {
    what: 'moved, restored, tried again and failed again',
    anchor: [5, 4],
    own: [20, 4],
    ends: [
      [15, 'schema_moved'],
      [25, 'schema_moved'],
    ],
    before: 5,
    later: 20,
    restore: 20,
    restored: true,
  },
  {
    what: 'an end after the dump says nothing of it',
    anchor: [5, 4],
    own: [20, 4],
    ends: [[25, 'schema_moved']],
    before: 5,
    later: 20,
    restore: 5,
  },
  {
    what: 'nobody was asked: the dump says it',
    anchor: [5, 4],
    own: [20, 5],
    asked: null,
    before: 5,
    later: 20,
    restore: 5,
  },
  {
    what: 'a dump of another schema than Helm found is not from before',
    anchor: [5, 3],
    own: [5, 3],
    later: 5,
  },
];

for (const row of rows) {
  test(`way back: ${row.what}`, () => {
    const { anchor, own, asked = 4, ends = [], started = true } = row;
    const point = {
      at: time(10),
      step: 'upgrade_helm',
      data: { schemaVersion: asked },
      ends: ends.map(([minute, code]) => ({ at: time(minute), code })),
    };
    const step = { status: 'completed', startedAt: '', attempts: 1, revision: 1, inputsHash: '' };
    const state = {
      run: {
        id: 'r',
        from: '2026.1',
        ...(started ? { pointOfNoReturn: point } : {}),
        steps: own === undefined ? {} : { upgrade_pg_backup: { ...step, out: { pgDump: dump(...own) } } },
      },
      // Spelled in another way, and the same version.
      anchors: {
        '2026.1.0': {
          at: time(10),
          run: 'r',
          derived: anchor === undefined ? {} : { pgDump: dump(...anchor) },
        },
      },
      skippedBackups: [],
    } as unknown as State;
    const way = wayBackOf(state);
    const minute = (path: string | undefined) =>
      path === undefined ? undefined : Number(path.split('/')[2]);
    assert.deepEqual(
      {
        before: minute(way.before?.path),
        later: minute(way.later?.path),
        restore: minute(way.restore?.path),
        restored: way.restored,
      },
      { before: row.before, later: row.later, restore: row.restore, restored: row.restored ?? false },
    );
  });
}
