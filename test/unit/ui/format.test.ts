import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes } from '../../../src/policy/format-bytes.ts';
import { columns, formatDuration } from '../../../src/ui/format.ts';

test('sizes have three digits and a binary unit', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [17, '17 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1024 * 1024, '1.00 MiB'],
    [212.4 * 1024 ** 2, '212 MiB'],
    [20 * 1024 ** 3, '20.0 GiB'],
    [5000 * 1024 ** 4, '5000 TiB'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test('durations use the units that one would say', () => {
  const cases: [number, string][] = [
    [420, '0.4 s'],
    [11_600, '12 s'],
    [59_700, '1 m 00 s'],
    [184_000, '3 m 04 s'],
    [4_325_000, '1 h 12 m'],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test('columns are aligned, numbers to the right, and lines end without blanks', () => {
  assert.deepEqual(
    columns(
      [
        ['name', '9 B', 'x'],
        ['n', '100 B', ''],
      ],
      [1],
    ),
    ['name    9 B  x', 'n     100 B'],
  );
});
