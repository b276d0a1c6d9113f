import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableRows, wrapHint, wrapLine, wrapResult, wrapWords } from '../../../src/ui/wrap.ts';
import { textWidth } from '../../../src/ui/width.ts';

const words = 'a table whose cells are sentences is read on narrow screens and on wide ones';

test('a line is cut between words, and what follows is indented', () => {
  assert.deepEqual(wrapLine('  one two three four five six seven', 20), [
    '  one two three four',
    '    five six seven',
  ]);
  assert.deepEqual(wrapLine('short', 20), ['short']);
});

test('a word that is longer than the line is cut, and no letter is lost', () => {
  const path = '/opt/'.repeat(12);
  for (const width of [7, 20, 59]) {
    const lines = wrapWords(`${path} 日本語日本語日本語日本語`, width);
    assert.ok(
      lines.every((line) => textWidth(line) <= width),
      `${width}`,
    );
    assert.equal(lines.join('').replaceAll(' ', ''), `${path}日本語日本語日本語日本語`);
  }
});

test('a long name is cut after a sign, so that its parts can be read', () => {
  assert.deepEqual(wrapWords('docker.io/rancher/mirrored-pause:3.6', 26), [
    'docker.io/rancher/',
    'mirrored-pause:3.6',
  ]);
  assert.deepEqual(wrapWords('a/bcdefghijklmnop', 10), ['a/bcdefghi', 'jklmnop']);
});

const dump = '/opt/ivaap/.installer/backups/20260131T235959Z/ivaapdb.sql';

test('a path moves to a line of its own before it is cut, and one that is wider than the screen stays whole', () => {
  const line = `  later    ${dump} (taken 2026-01-31T23:59:59Z; schema version 3)`;
  for (let width = 40; width <= 160; width += 1) {
    const lines = wrapLine(line, width);
    assert.ok(
      lines.some((one) => one.includes(dump)),
      `${width}: ${lines.join('|')}`,
    );
    for (const one of lines)
      assert.ok(textWidth(one) <= width || one.trim() === dump, `${width}: ${lines.join('|')}`);
    assert.equal(lines.join(' ').replaceAll(/ +/g, ' '), line.replaceAll(/ +/g, ' '));
  }
});

test('what stands behind a label stays in its column', () => {
  assert.deepEqual(wrapLine('connectors     alpha, beta, gamma, delta and others', 40), [
    'connectors     alpha, beta, gamma, delta',
    '               and others',
  ]);
  assert.deepEqual(wrapLine(`  kept     ${dump}`, 40), ['  kept', `    ${dump}`]);
});

test('a hint is wrapped between words, and its command begins a line where it does not fit', () => {
  const run = 'sudo /opt/v1/ivaap install --upgrade';
  assert.deepEqual(wrapHint(`To go forward without the dump of before: ${run}`, 40), [
    'To go forward without the dump of',
    '  before:',
    run,
  ]);
  assert.deepEqual(wrapHint(`Then: ${run}`, 60), [`Then: ${run}`]);
  assert.deepEqual(wrapHint(run, 20), [run]);
});

test('a command of root is told from a sentence without sudo, too', () => {
  const flags = '--waive room=x '.repeat(5).trim();
  for (const line of [
    `to resume: ivaap install --upgrade ${flags}`,
    `To find it: fuser -v ${dump}`,
    `Mount it: mount -o remount,rw ${dump}`,
    `To end it: /usr/local/bin/k3s kubectl delete pod -n ivaap ${flags}`,
    `Look: systemctl status k3s ${flags}`,
    `Edit it: \${EDITOR:-vi} ${dump}`,
  ]) {
    const [before, run] = [line.slice(0, line.indexOf(':') + 1), line.slice(line.indexOf(':') + 2)];
    assert.deepEqual(wrapHint(line, 40), [before, run]);
    assert.deepEqual(wrapHint(run, 40), [run]);
    assert.deepEqual(wrapResult(line, 40), [line]);
  }
  const spoken = 'Helm was killed: find out by what, and mount its disk or put it back';
  assert.equal(wrapHint(spoken, 40).length, 2);
});

test('a line of a result that holds a command is left to the terminal', () => {
  for (const line of [
    `  by hand  to apply a changed values file with Helm: sudo ${dump} upgrade ivaap /opt/ivaap/chart`,
    '  to do    k3s kubectl delete pod -n ivaap -l app=adminserver --wait=false --grace-period=30',
    `next: ./ivaap install --upgrade --supersede --waive ingress=restored --values ${dump}`,
    `Nothing was changed. To write it: ${dump} repair-state`,
  ])
    assert.deepEqual(wrapResult(line, 40), [line]);
  const snapshot = `  snapshot ${dump} (state, values, Helm's records, old chart)`;
  assert.deepEqual(wrapResult(snapshot, 60), [
    '  snapshot',
    `    ${dump}`,
    "    (state, values, Helm's records, old chart)",
  ]);
});

test('a table fits the screen from 60 to 200 columns, and its cells stay in their columns', () => {
  const rows = [
    ['STATUS', 'CHECK', 'MEASURED', 'LIMIT'],
    ['ok', 'clock', '0 s ahead of the server', '60 s'],
    ['FAIL', 'room:/var/lib/rancher', words, `${words}, ${words}`],
  ];
  for (let width = 60; width <= 200; width += 1) {
    const table = tableRows(rows, { width });
    const starts = ['CHECK', 'MEASURED', 'LIMIT'].map((head) => (table[0]?.[0] ?? '').indexOf(head));
    for (const line of table.flat()) {
      assert.ok(textWidth(line) <= width, `${width}: ${line}`);
      // Two blanks stand before each column.
      for (const start of starts)
        assert.match(line.slice(start - 2, start).padEnd(2), /^ {2}$/, `${width}: ${line}`);
    }
    const last = table[2]?.map((line) => line.slice(starts[2] ?? 0).trim()).filter((text) => text !== '');
    assert.equal(last?.join(' '), rows[2]?.[3]);
  }
});
