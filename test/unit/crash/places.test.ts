import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graphNames, placesOf } from '../../crash/journal-places.ts';
import type { RunRecord } from '../../../src/engine/state.ts';
import { listPlaces } from '../../crash/places.ts';

test('each graph has a place before its first step, two a step and the checkpoints; a third are kills of the tree', () => {
  for (const graph of graphNames) {
    const places = listPlaces(graph);
    assert.ok(places.length > 15, `${graph} has ${places.length} places`);
    assert.equal(new Set(places.map(({ id }) => id)).size, places.length);
    assert.equal(places.filter(({ kill }) => kill === 'tree').length, Math.floor(places.length / 3));
  }
});

test('a journal names its running steps, and none of another flow or of a run that has ended', () => {
  const step = { startedAt: '', attempts: 1, revision: 1, inputsHash: '' };
  const run: RunRecord = {
    id: 'r',
    flow: 'upgrade',
    from: '1',
    to: '2',
    payloadDigest: '',
    startedAt: '',
    status: 'running',
    binary: '',
    order: [],
    steps: {},
  };
  assert.deepEqual(placesOf({ run }, 'upgrade'), ['start']);
  assert.deepEqual(placesOf({ run }, 'install'), []);
  assert.deepEqual(placesOf({ run: { ...run, status: 'failed' } }, 'upgrade'), []);
  const steps = {
    one: { ...step, status: 'completed' },
    two: { ...step, status: 'running' },
    three: { ...step, status: 'running', place: 'dump-written' },
  } as const;
  assert.deepEqual(placesOf({ run: { ...run, steps } }, 'upgrade'), ['two:running', 'three:dump-written']);
});
