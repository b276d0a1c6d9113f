import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlaid } from '../../proofs/memory.ts';
import type { Page, Row, Rows } from '../../proofs/page.ts';
import { leftOf, pageText, parseRows, summary, wholeFor } from '../../proofs/page.ts';

const row: Row = {
  id: 'upgrade_helm:running',
  cells: { killed: 'tree', found: 'upgrade_helm: cut off | waits for Helm (pid 7) <until> 12:00 *now*' },
  passed: true,
  seconds: 17,
  date: '2026-01-31',
  commit: '0123abcd',
  hash: 'aaaa',
};
const upgrade = { title: 'Upgrade', ids: ['start', 'upgrade_helm:running', 'upgrade_helm:verified'] };
const install = { title: 'Install', ids: ['start'] };
const page: Page = {
  file: 'page.md',
  title: 'The matrix',
  command: 'npm run test:crash',
  about: 'What it is.',
  terms: { cases: 'places', passed: 'survived' },
  columns: [{ name: 'killed' }, { name: 'found', code: true }],
  sections: [upgrade, install, { title: 'Random instants' }],
};
const rows: Rows = {
  Upgrade: [row, { ...row, id: 'start', passed: false, hash: 'bbbb' }],
  Install: [],
  'Random instants': [{ ...row, id: 'seed.1' }],
};

test('a page reads back as the rows that it was written from, in the order of its table', async () => {
  const text = await pageText(page, rows, 'aaaa');
  const back = parseRows(page, text);
  assert.deepEqual(back, { ...rows, Upgrade: rows['Upgrade']?.toReversed() });
  assert.equal(await pageText(page, back, 'aaaa'), text);
});

test('a page of one table has no parts', async () => {
  const single: Page = { ...page, sections: [{ ids: [row.id] }] };
  const text = await pageText(single, { '': [row] }, 'aaaa');
  assert.doesNotMatch(text, /^## /m);
  assert.deepEqual(parseRows(single, text), { '': [row] });
});

test('rows of other sources are marked stale and do not count; rows of cases that are gone are forgotten', async () => {
  const text = await pageText(page, rows, 'aaaa');
  assert.match(text, /`start`.*bbbb stale/);
  assert.equal(summary(page, upgrade, rows, 'aaaa'), '3 places: 1 survived, 0 failed, 1 stale, 1 not tried');
  assert.deepEqual(leftOf(upgrade, rows, 'aaaa'), ['start', 'upgrade_helm:verified']);
  const fewer = { ...page, sections: [{ ...upgrade, ids: ['start'] }, install] };
  const back = parseRows(fewer, await pageText(fewer, rows, 'aaaa'));
  assert.deepEqual(
    back['Upgrade']?.map(({ id }) => id),
    ['start'],
  );
});

test('the first line says for which commit a page is complete, and keeps it when the sources change', async () => {
  const every = (section: { ids: string[] }) => section.ids.map((id) => ({ ...row, id }));
  const whole: Rows = { Upgrade: every(upgrade), Install: every(install), 'Random instants': [] };
  const firstLine = (text: string) => text.split('\n')[0];
  const text = await pageText(page, whole, 'aaaa');
  assert.equal(firstLine(text), '# The matrix: whole for commit 0123abcd (sources aaaa)');
  assert.equal(wholeFor(page, whole, 'bbbb'), undefined);
  const later = await pageText(page, whole, 'bbbb', text);
  const words =
    '# The matrix: not whole for the sources bbbb, 4 of 4 places left; last whole for commit 0123abcd';
  assert.equal(firstLine(later), words);
  assert.equal(firstLine(await pageText(page, whole, 'bbbb', later)), words);
  const one = { ...whole, Install: [{ ...row, id: 'start', passed: false }] };
  assert.match(await pageText(page, one, 'aaaa'), /^# The matrix: not whole .*, 1 of 4 places left\n/);
});

test('a page that was replaced gets the rows of these sources back, and loses none of its own', () => {
  const section = 'Upgrade';
  const verified = { ...row, id: 'upgrade_helm:verified' };
  const back = overlaid(
    rows,
    [
      { ...row, id: 'start', section, passed: false },
      { ...row, id: 'start', section },
      { ...row, section, seconds: 99 },
      { ...verified, section },
    ],
    'aaaa',
  );
  assert.deepEqual(back, { ...rows, Upgrade: [row, { ...row, id: 'start' }, verified] });
});
