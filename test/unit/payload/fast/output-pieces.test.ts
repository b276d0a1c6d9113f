import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import {
  storedGzipRange,
  storedGzipSize,
  storedGzipSpan,
} from '../../../../src/payload/format/archive-gzip.ts';
import type { OutputPiece } from '../../../../src/payload/fast/output-pieces.ts';
import type { Segment } from '../../../../src/payload/chunked-file.ts';
import { outputPieces } from '../../../../src/payload/fast/output-pieces.ts';

const chunkSize = 1000;

/** What a piece holds when each chunk of `file` is at hand. */
function contentOf({ chunk, segments }: OutputPiece, file: Buffer): Buffer {
  const bytes = file.subarray((chunk ?? 0) * chunkSize, ((chunk ?? 0) + 1) * chunkSize);
  return Buffer.concat(
    segments.map((segment) =>
      'bytes' in segment ? segment.bytes : bytes.subarray(segment.from, segment.to),
    ),
  );
}

describe('the pieces of a file', () => {
  it('are cut where chunks end, and what is made goes with one of them', () => {
    const made = (length: number): Segment => ({ bytes: Buffer.alloc(length) });
    const pieces = outputPieces(
      [made(10), { from: 990, to: 2500 }, made(5), { from: 100, to: 120 }, made(7)],
      chunkSize,
    );
    const seen = pieces.map(({ position, size, chunk }) => [position, size, chunk]);
    assert.deepEqual(seen, [
      [0, 20, 0],
      [20, 1000, 1],
      [1020, 505, 2],
      [1525, 27, 0],
    ]);
  });

  it('are one when all of a file is made, and none when it is empty', () => {
    assert.deepEqual(
      outputPieces([{ bytes: Buffer.alloc(3) }, { bytes: Buffer.alloc(4) }], chunkSize).map(
        ({ size }) => size,
      ),
      [7],
    );
    assert.deepEqual(outputPieces([], chunkSize), []);
  });

  it('put the file together in any order, each chunk needed once where the content follows the payload', () => {
    const file = randomBytes(20_000);
    for (let round = 0; round < 200; round += 1) {
      const segments: Segment[] = [];
      for (let from = randomInt(500); from < file.length;) {
        const to = Math.min(from + randomInt(1, 3000), file.length);
        segments.push({ from, to });
        if (round % 2 === 0) segments.push({ bytes: randomBytes(randomInt(1, 600)) });
        from = to + randomInt(200);
      }
      const expected = Buffer.concat(
        segments.map((segment) =>
          'bytes' in segment ? segment.bytes : file.subarray(segment.from, segment.to),
        ),
      );
      const pieces = outputPieces(segments, chunkSize);
      const output = Buffer.alloc(expected.length);
      for (const piece of pieces.toReversed()) contentOf(piece, file).copy(output, piece.position);
      assert.ok(output.equals(expected), `round ${round}`);
      const chunks = pieces.map(({ chunk }) => chunk);
      assert.equal(new Set(chunks).size, chunks.length);
    }
  });
});

describe('ranges of a gzip file', () => {
  it('are one behind the other however the content is cut, and any gunzip reads them', () => {
    const content = randomBytes(200_000);
    const gzip = { tarSize: content.length, crc32: crc32(content) };
    const edges = [65_535, 131_070, 65_534, 65_536, 1, 199_999, 70_000, 140_000];
    for (let round = 0; round < 50; round += 1) {
      const cuts = [...edges.filter(() => Math.random() < 0.5), 0, content.length].sort((a, b) => a - b);
      const file = Buffer.alloc(storedGzipSize(content.length));
      let end = 0;
      for (const [place, from] of cuts.slice(0, -1).entries()) {
        const bytes = content.subarray(from, cuts[place + 1]);
        const span = storedGzipSpan(from, bytes.length, content.length);
        const range = Buffer.concat([...storedGzipRange(bytes, from, gzip)]);
        assert.deepEqual([span.start, span.size], [end, range.length]);
        range.copy(file, span.start);
        end += range.length;
      }
      assert.equal(end, file.length);
      assert.ok(gunzipSync(file).equals(content));
    }
  });
});
