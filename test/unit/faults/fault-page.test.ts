import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from '../../faults/fault-page.ts';
import { pageText, parseRows } from '../../faults/fault-page.ts';
import { ids } from '../../faults/go-through.ts';

const row: Row = {
  id: 'sigterm upgrade_helm',
  fault: 'SIGTERM',
  step: 'upgrade_helm',
  end: 'exit 143',
  result: 'held',
  said: 'stopped | by SIGTERM',
  seconds: 12,
  date: '2026-01-31',
  commit: '0a1b2c3d',
  hash: '0123456789ab',
};

test('the page of faults is read back as it was written', () => {
  const text = pageText([row], { ids: [row.id], hash: row.hash });
  assert.deepEqual(parseRows(text), [row]);
  assert.match(
    text,
    /Of 1 faults 1 held with today's sources, 0 did not; 0 rows are stale, 0 were never tried/,
  );
});

test('a row of other sources is stale and does not count as held', () => {
  const text = pageText([row], { ids: [row.id, 'another'], hash: 'ba9876543210' });
  assert.match(text, /Of 2 faults 0 held .* 1 rows are stale, 1 were never tried/);
  assert.deepEqual(parseRows(text), [row]);
});

test('a fault that the table lacks is forgotten', () => {
  assert.deepEqual(parseRows(pageText([row], { ids: ['another'], hash: row.hash })), []);
});

test('no two faults have one id', () => {
  assert.deepEqual([...new Set(ids)], ids);
});
