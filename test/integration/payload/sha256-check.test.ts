import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { allDamages } from '../../../src/payload/evidence.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { sha256Check } from '../../../src/payload/sha256-check.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload, noise, tinyHead } from '../../fixtures/tiny-payload.ts';

describe('the check by SHA-256', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sha256-check-'));
  let tiny: TinyPayload;
  let intact: Buffer;
  let file: string;
  before(async () => {
    // A head that ends in its second chunk, and an entry that is in several.
    const head = Buffer.concat([tinyHead(), noise(5_000_000)]);
    head.writeBigUInt64LE(BigInt(head.length - 64), 40);
    head.fill(0, head.length - 64);
    const executable = join(folder, 'head');
    writeFileSync(executable, head);
    tiny = await makeTinyPayload({ bigLayerBytes: 9_000_000, executable });
    intact = readFileSync(tiny.path);
    file = join(folder, 'damaged');
  });
  after(() => {
    tiny.remove();
    rmSync(folder, { recursive: true });
  });

  const check = async (extent: 'head' | 'all', damageAt: number[] = [], signal?: AbortSignal) => {
    const bytes = Buffer.from(intact);
    for (const at of damageAt) bytes[at]! ^= 1;
    writeFileSync(file, bytes);
    const payload = await openPayload(file);
    try {
      return await sha256Check(payload, extent, signal === undefined ? {} : { signal });
    } finally {
      await payload.close();
    }
  };

  it('gives every entry as it was read, and finds nothing in an intact file', async () => {
    const { damages, entries, bytes } = await check('all');
    assert.deepEqual(damages, []);
    assert.equal(bytes, tiny.index.chunks.coveredEnd);
    for (const { name, offset, size, sha256, crc32: crc, verdict } of entries) {
      const content = intact.subarray(offset, offset + size);
      assert.equal(sha256, createHash('sha256').update(content).digest('hex'), name);
      assert.equal(Number.parseInt(crc, 16), crc32(content), name);
      assert.equal(verdict, 'intact');
    }
    assert.deepEqual(
      entries.map(({ name }) => name),
      tiny.index.entries.map(({ name }) => name),
    );
  });

  it('reads the executable alone when only that is asked for', async () => {
    const { headSize, entries } = tiny.index;
    const { bytes, entries: none } = await check('head');
    assert.ok(bytes >= headSize && bytes < intact.length);
    assert.deepEqual(none, []);
    const last = entries.at(-1)!;
    assert.deepEqual((await check('head', [last.offset])).damages, []);
    const [damage, ...more] = (await check('head', [4_500_000])).damages;
    assert.deepEqual([damage, more], [{ what: 'the executable itself', from: 4_194_304, to: headSize }, []]);
  });

  it('names what is damaged: the executable, an entry by its content or by its header alone', async () => {
    const { headSize, entries } = tiny.index;
    const big = entries.findIndex(({ size }) => size > 8_000_000);
    const { name, offset, size } = entries[big]!;
    const header = entries[big - 1]!.offset + entries[big - 1]!.size;
    const range = { what: name, from: header, to: offset + size };
    assert.deepEqual((await check('all', [offset + size - 1, offset])).damages, [range]);
    const byHeader = await check('all', [header + 4]);
    assert.deepEqual(byHeader.damages, [range]);
    assert.deepEqual(
      byHeader.entries.filter(({ verdict }) => verdict === 'damaged').map((entry) => entry.name),
      [name],
    );
    assert.deepEqual((await check('all', [100])).damages, [
      { what: 'the executable itself', from: 0, to: Math.min(4_194_304, headSize) },
    ]);
  });

  it('adds to the scan what XXH3 did not detect, and no duplicates', () => {
    const damage = (what: string, from: number, to: number) => ({ what, from, to });
    const scan = { damages: [damage('a', 10, 20)] };
    const found = { damages: [damage('a', 0, 30), damage('the executable itself', 40, 50)] };
    assert.deepEqual(allDamages(scan, found), [damage('a', 10, 20), damage('the executable itself', 40, 50)]);
  });

  it('stops when it is aborted', async () => {
    await assert.rejects(check('all', [], AbortSignal.abort(new Error('stop'))), /stop/);
  });
});
