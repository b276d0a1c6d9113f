import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { allDamages } from '../../src/payload/evidence.ts';
import type { OutputPiece } from '../../src/payload/fast/output-pieces.ts';
import type { ChunkedFile, Segment } from '../../src/payload/chunked-file.ts';
import { outputPieces } from '../../src/payload/fast/output-pieces.ts';
import { Pieces, pieceTable } from '../../src/payload/fast/piece-table.ts';
import type { Payload } from '../../src/payload/reader.ts';
import { namedDamages } from '../../src/payload/named-damages.ts';
import { plainIo } from '../../src/payload/plain-io.ts';
import { positionReader } from '../../src/payload/position-reader.ts';
import { fastIo } from '../../src/payload/fast/fast-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'many-chunks-'));
after(() => rmSync(folder, { recursive: true }));

describe('a payload of as many chunks as the format allows', () => {
  for (const [way, io] of Object.entries({ 'in threads': fastIo, plainly: plainIo }))
    it(`is written ${way}, within their memory`, async () => {
      const chunkSize = 4096;
      const file = join(folder, 'payload');
      const bytes = Buffer.alloc(2 * chunkSize, 'ab');
      writeFileSync(file, bytes);
      const hashOf = (at: number) =>
        createHash('sha256')
          .update(bytes.subarray(at * chunkSize, (at + 1) * chunkSize))
          .digest('hex');
      const hashes = [hashOf(0), hashOf(1)].map((sha256) => ['0'.repeat(32), sha256] as [string, string]);
      const others = Array.from(
        { length: 600_000 },
        () => ['0'.repeat(32), '0'.repeat(64)] as [string, string],
      );
      const input = await open(file);
      const output = await open(join(folder, 'written'), 'w+');
      const chunked: ChunkedFile = {
        descriptor: input.fd,
        readAt: positionReader(input.fd),
        chunks: { chunkSize, coveredEnd: others.length * chunkSize, hashes: [...hashes, ...others] },
        zeroed: { from: 0, to: 0 },
      };
      // A byte of each chunk in turn: as many pieces, from two chunks.
      const count = 30_000;
      const segments: Segment[] = Array.from({ length: count }, (_, at) => {
        const from = (at % 2) * chunkSize + (at % 7);
        return { from, to: from + 1 };
      });
      try {
        const composition = { segments, gzip: undefined, sizeBytes: count };
        assert.equal(await io.write(chunked, composition, output, {}), count);
      } finally {
        await input.close();
        await output.close();
      }
      const wanted = Buffer.from(segments.map((segment) => ('from' in segment ? bytes[segment.from]! : 0)));
      assert.ok(readFileSync(join(folder, 'written')).equals(wanted));
    });

  it('keeps its pieces as they are', () => {
    const made = (text: string): Segment => ({ bytes: Buffer.from(text) });
    const cut = outputPieces([made('head'), { from: 990, to: 2500 }, made('tail'), made('')], 1000);
    const pieces = new Pieces(pieceTable(cut));
    const plain = ({ segments, ...piece }: OutputPiece) => ({
      ...piece,
      segments: segments.map((one) => ('bytes' in one ? Buffer.from(one.bytes).toString() : one)),
    });
    const read = Array.from({ length: pieces.length }, (_, at) => plain(pieces.at(at)!));
    assert.deepEqual(read, cut.map(plain));
    assert.equal(pieces.at(pieces.length), undefined);
    assert.deepEqual(
      [...pieces.spans()],
      cut.map(({ position, size }) => ({ position, size })),
    );
  });

  it('has its damages named in as many steps as it has parts, and hears who asks to stop', async () => {
    const count = 100_000;
    const chunkCount = 430_000;
    const headSize = 4096 * chunkCount;
    const entries = Array.from({ length: count }, (_, at) => ({
      name: `n${at}`,
      offset: headSize + at * 40 + 30 + `n${at}`.length,
      size: 1,
      mode: 0o644,
      sha256: '0'.repeat(64),
      crc32: '00000000',
    }));
    const payload = {
      indexEnd: headSize,
      index: () =>
        Promise.resolve({
          headSize,
          entries,
          chunks: { chunkSize: 4096, coveredEnd: headSize + count * 40, hashes: [] },
        }),
      readAt: () => Promise.reject(new Error('no such bytes')),
    } as unknown as Payload;
    const numbers = Array.from({ length: chunkCount }, (_, at) => at);
    const startedAt = performance.now();
    const damages = await namedDamages(payload, numbers);
    assert.deepEqual(
      damages.map(({ what, to }) => [what, to]),
      [['the executable itself', headSize]],
    );
    assert.ok(performance.now() - startedAt < 20_000, `${performance.now() - startedAt} ms`);
    const stop = new AbortController();
    const naming = namedDamages(payload, numbers, stop.signal);
    await nextTurn();
    stop.abort(new Error('stopped'));
    await assert.rejects(naming, /stopped/);
  });

  it('distinguishes what the scan found from what SHA-256 found', () => {
    const at = (from: number, to: number) => ({ what: String(from), from, to });
    const scan = Array.from({ length: 50_000 }, (_, number) => at(number * 10, number * 10 + 5));
    const check = Array.from({ length: 50_000 }, (_, number) =>
      at(number * 10 + (number % 2) * 5, number * 10 + 6),
    );
    const all = allDamages({ damages: scan }, { damages: [...check, at(0, 1)] });
    assert.equal(all.length, scan.length + check.length / 2);
  });
});
