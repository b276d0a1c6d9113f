import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { combineCrc32 } from '../../../../src/payload/format/archive-crc32.ts';

test('two parts have the CRC-32 of the concatenation, wherever it is cut', () => {
  const whole = randomBytes(70_000);
  for (const cut of [0, 1, 511, 65_535, 69_999, 70_000]) {
    const [first, second] = [whole.subarray(0, cut), whole.subarray(cut)];
    assert.equal(combineCrc32(crc32(first), crc32(second), second.length), crc32(whole), `cut at ${cut}`);
  }
});

test('lengths beyond 32 bits: parts of gibibytes agree however they are grouped, and with a tail of real bytes', () => {
  // Zeros, doubled from a mebibyte that was read.
  const zeros = [crc32(Buffer.alloc(2 ** 20))];
  for (let size = 2 ** 20; size < 2 ** 33; size *= 2)
    zeros.push(combineCrc32(zeros.at(-1)!, zeros.at(-1)!, size));
  assert.equal(zeros[1], crc32(Buffer.alloc(2 ** 21)));
  const [fourGib, eightGib] = [zeros.at(-2)!, zeros.at(-1)!];
  const tail = randomBytes(1000);
  const grouped = combineCrc32(
    fourGib,
    combineCrc32(fourGib, crc32(tail), tail.length),
    2 ** 32 + tail.length,
  );
  assert.equal(combineCrc32(eightGib, crc32(tail), tail.length), grouped);
  assert.equal(crc32(tail, eightGib), grouped);
});
