import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn } from '../../crash/draw.ts';
import { placesOf } from '../../crash/journal-places.ts';
import type { RunRecord } from '../../../src/engine/state.ts';
import type { Matrix, PageFacts, Row } from '../../crash/matrix-page.ts';
import { parseMatrix, renderMatrix, summary } from '../../crash/matrix-page.ts';
import { listPlaces } from '../../crash/places.ts';

const row: Row = {
  place: 'upgrade_helm:running',
  kill: 'tree',
  result: 'survived',
  found: 'upgrade_helm: cut off | waits for Helm (pid 7) <until> 12:00 *now*',
  seconds: 17,
  date: '2026-01-31',
  commit: '0123abcd',
  hash: 'aaaa',
};
const facts: PageFacts = {
  hash: 'aaaa',
  places: { upgrade: ['start', 'upgrade_helm:running', 'upgrade_helm:verified'], install: ['start'] },
};
const matrix: Matrix = {
  upgrade: [row, { ...row, place: 'start', result: 'FAILED', hash: 'bbbb' }],
  install: [],
  'random upgrade': [{ ...row, place: 'seed.1 at 3.25 s' }],
  'random install': [],
};

test('each graph has a place before its first step and three a step, a third of which are kills of the tree', () => {
  for (const graph of ['upgrade', 'install'] as const) {
    const places = listPlaces(graph);
    assert.ok(places.length >= 31, `${graph} has ${places.length} places`);
    assert.equal(new Set(places.map(({ id }) => id)).size, places.length);
    const steps = (places.length - 1) / 3;
    assert.equal(places.filter(({ kill }) => kill === 'tree').length, steps);
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

test('the page reads back as the rows that it was written from, in the order of the graph', async () => {
  const text = await renderMatrix(matrix, facts);
  const back = parseMatrix(text);
  assert.deepEqual(back, { ...matrix, upgrade: matrix.upgrade.toReversed() });
  assert.equal(await renderMatrix(back, facts), text);
});

test('rows of other sources are marked stale and do not count; rows of places that are gone are forgotten', async () => {
  const text = await renderMatrix(matrix, facts);
  assert.match(text, /`start`.*bbbb stale/);
  assert.equal(summary('upgrade', matrix, facts), '3 places: 1 survived, 0 failed, 1 stale, 1 not tried');
  const fewer = { ...facts, places: { upgrade: ['start'], install: [] } };
  assert.deepEqual(
    parseMatrix(await renderMatrix(matrix, fewer)).upgrade.map(({ place }) => place),
    ['start'],
  );
});

test('a draw is the same for the same seed and another one for another', () => {
  const all = Array.from({ length: 40 }, (_, index) => index);
  const five = drawn(all, 5, 'seed');
  assert.equal(new Set(five).size, 5);
  assert.deepEqual(drawn(all, 5, 'seed'), five);
  assert.notDeepEqual(drawn(all, 5, 'another'), five);
  assert.deepEqual(drawn([1, 2], 5, 'seed'), [1, 2]);
});
