import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fastIo } from '../../../src/payload/fast/fast-io.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { plainIo } from '../../../src/payload/plain-io.ts';
import { assertIntact, scanPayload } from '../../../src/payload/scan.ts';
import { withFlippedBit } from '../../fixtures/flipped-bit.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

/** Both ways to scan find the same. */
for (const [way, io] of Object.entries({ 'in threads': fastIo, plainly: plainIo }))
  describe(`the scan, ${way}`, () => {
    let tiny: TinyPayload;
    before(async () => {
      tiny = await makeTinyPayload({ bigLayerBytes: 5_000_000 });
    });
    after(() => tiny.remove());

    const damagesOf = async () => {
      const payload = await openPayload(tiny.path);
      try {
        return (await scanPayload(payload, { io })).damages;
      } finally {
        await payload.close();
      }
    };

    it('finds an intact payload intact and says how far it is', async () => {
      const payload = await openPayload(tiny.path);
      const seen: number[] = [];
      const result = await scanPayload(payload, { io, onProgress: ({ done }) => seen.push(done) });
      assert.deepEqual(result.damages, []);
      assert.equal(result.bytes, tiny.index.fileSize);
      assert.equal(seen.at(-1), tiny.index.fileSize);
      assertIntact(payload, result);
      await payload.close();
    });

    it('names the head when a byte of it changed', async () => {
      const damages = await withFlippedBit(tiny.path, 100, damagesOf);
      assert.deepEqual(damages, [{ what: 'the executable itself', from: 0, to: 128 }]);
    });

    it('names the entry in which a byte changed, small or large, content or header', async () => {
      const { entries } = tiny.index;
      const large = entries.find(({ size }) => size > 4_500_000)!;
      const small = entries.find(({ name }) => name === 'TinyChart/values.yaml')!;
      const places: [typeof large, number][] = [
        [small, small.offset],
        [small, small.offset - 1],
        [large, large.offset - 1],
        [large, large.offset + 10],
        [large, large.offset + large.size - 1],
      ];
      for (const [entry, offset] of places) {
        const damages = await withFlippedBit(tiny.path, offset, damagesOf);
        assert.equal(damages.length, 1, `${entry.name} at ${offset}`);
        assert.equal(damages[0]?.what, entry.name);
        assert.ok(damages[0].to > offset && damages[0].from <= offset);
      }
    });

    it('refuses a damaged index or zip directory before it scans', async () => {
      const inDirectory = tiny.index.chunks.coveredEnd + 50;
      await assert.rejects(withFlippedBit(tiny.path, inDirectory, damagesOf), /damaged in the zip directory/);
      const headerAt = tiny.index.headSize + 10;
      const inIndex = tiny.index.headSize + 5000;
      for (const offset of [headerAt, inIndex])
        await assert.rejects(withFlippedBit(tiny.path, offset, damagesOf), /damaged in index\.json/);
    });

    it('stops when it is aborted', async () => {
      const payload = await openPayload(tiny.path);
      const reason = new Error('stopped');
      const stop = new AbortController();
      await assert.rejects(
        scanPayload(payload, { io, signal: stop.signal, onProgress: () => stop.abort(reason) }),
        reason,
      );
      await payload.close();
    });
  });
