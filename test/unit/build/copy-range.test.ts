import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { xxhash128 } from 'hash-wasm';
import { wholeChunks } from '../../../build/written.ts';
import { copyRange } from '../../../build/copy-range.ts';
import { openUncached } from '../../../src/payload/fast/page-memory.ts';
import { noise } from '../../fixtures/tiny-payload.ts';

const mib = 2 ** 20;
const chunkSize = mib;
const folder = mkdtempSync(join(tmpdir(), 'copy-range-'));
after(() => rmSync(folder, { recursive: true }));

const source = noise(21 * mib + 77);
const path = join(folder, 'source');
writeFileSync(path, source);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('copying a range of a file', () => {
  for (const pastCache of [true, false]) {
    for (const [what, from, size, offset] of [
      ['odd places', 123, 20 * mib + 5001, 3 * mib - 777],
      ['whole chunks', 0, 12 * mib, 2 * mib],
      ['less than a chunk', 5, 70_000, 9],
      ['a chunk in two halves', 0, mib, mib / 2],
    ] as const) {
      it(`${what}, ${pastCache ? 'past the page cache' : 'through it'}: bytes and hashes`, async () => {
        const copy = join(folder, 'copy');
        writeFileSync(copy, Buffer.alloc(offset + size + 10, 0xee));
        const output = openSync(copy, 'r+');
        const outputUncached = pastCache ? openUncached(output, constants.O_RDWR) : undefined;
        assert.equal(outputUncached !== undefined, pastCache);
        const reported: number[] = [];
        try {
          const task = { path, from, size, offset, isShared: false, output, outputUncached, chunkSize };
          const copied = await copyRange(task, (done) => reported.push(done));
          const bytes = source.subarray(from, from + size);
          const expected = Buffer.concat([Buffer.alloc(offset, 0xee), bytes, Buffer.alloc(10, 0xee)]);
          assert.ok(readFileSync(copy).equals(expected));
          assert.deepEqual([copied.sha256, copied.crc32], [sha256(bytes), crc32(bytes)]);
          const whole = wholeChunks(task, chunkSize);
          const chunks = [];
          for (let number = whole.from; number < whole.to; number += 1) {
            const chunk = expected.subarray(number * chunkSize, (number + 1) * chunkSize);
            chunks.push([await xxhash128(chunk), sha256(chunk)]);
          }
          assert.deepEqual(copied.chunks, chunks);
          assert.deepEqual(
            reported,
            reported.toSorted((a, b) => a - b),
          );
          assert.ok(reported.every((done) => done < size));
        } finally {
          if (outputUncached !== undefined) closeSync(outputUncached);
          closeSync(output);
        }
      });
    }
  }

  it('complete chunks are those of which no byte belongs to another one', () => {
    const numbers = (offset: number, size: number) => wholeChunks({ offset, size }, 10);
    assert.deepEqual(numbers(0, 20), { from: 0, to: 2 });
    assert.deepEqual(numbers(1, 19), { from: 1, to: 2 });
    assert.deepEqual(numbers(1, 18), { from: 1, to: 1 });
    assert.deepEqual(numbers(12, 3), { from: 2, to: 2 });
  });

  it('what the output shares already is hashed alike and not written', async () => {
    const untouched = join(folder, 'untouched');
    writeFileSync(untouched, 'as it was');
    const output = openSync(untouched, 'r+');
    try {
      const task = {
        path,
        from: 7,
        size: 20 * mib,
        offset: 99,
        output,
        outputUncached: undefined,
        chunkSize,
      };
      const hashed = await copyRange({ ...task, isShared: true }, () => {});
      assert.equal(readFileSync(untouched, 'utf8'), 'as it was');
      assert.equal(hashed.chunks.length, 19);
      assert.deepEqual(hashed, await copyRange({ ...task, isShared: false }, () => {}));
    } finally {
      closeSync(output);
    }
  });

  it('a source that ends too soon and an output that takes nothing end it, and the next one goes', async () => {
    const task = {
      path,
      from: 0,
      size: 12 * mib,
      offset: 0,
      isShared: false,
      outputUncached: undefined,
      chunkSize,
    };
    const full = openSync('/dev/full', 'w');
    const output = openSync(join(folder, 'next'), 'w+');
    try {
      await assert.rejects(
        copyRange({ ...task, output: full }, () => {}),
        { code: 'ENOSPC' },
      );
      await assert.rejects(
        copyRange({ ...task, size: 30 * mib, output }, () => {}),
        /source ends at byte 22020173, before its/,
      );
      const { sha256: found } = await copyRange({ ...task, output }, () => {});
      assert.equal(found, sha256(source.subarray(0, 12 * mib)));
    } finally {
      closeSync(full);
      closeSync(output);
    }
  });
});
