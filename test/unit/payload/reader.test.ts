import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Payload } from '../../../src/payload/reader.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a payload', () => {
  let tiny: TinyPayload;
  let payload: Payload;
  before(async () => {
    // Layers over several chunks, so that reads by chunk are exercised.
    tiny = await makeTinyPayload({ bigLayerBytes: 9_000_000 });
    payload = await openPayload(tiny.path);
  });
  after(async () => {
    await payload.close();
    tiny.remove();
  });

  it('names itself from trailer and index alone', () => {
    assert.deepEqual(payload.identity, {
      product: 'tiny',
      title: 'Tiny',
      command: 'tiny',
      version: '2026.1',
    });
    assert.equal(payload.digest, tiny.digest);
  });

  it('may have a title in any script', async () => {
    const title = 'Größe überall ™ 東京';
    const other = await makeTinyPayload({ product: { title } });
    const read = await openPayload(other.path);
    assert.equal(read.identity.title, title);
    assert.equal((await read.product()).title, title);
    assert.equal((await read.index()).title, title);
    await read.close();
    other.remove();
  });

  it('gives out product and release data with their defaults', async () => {
    assert.equal((await payload.product()).health[0]?.expectStatus, 200);
    assert.deepEqual((await payload.release()).schema, { min: 1, target: 2 });
  });

  it('streams every entry as its index describes it', async () => {
    const { entries } = await payload.index();
    assert.ok(entries.some(({ size }) => size > 8_000_000));
    for (const entry of entries) {
      const bytes = await collect(payload.streamEntry(entry.name));
      assert.equal(bytes.length, entry.size);
      assert.equal(sha256(bytes), entry.sha256, entry.name);
    }
  });

  it('streams a range of an entry', async () => {
    const big = (await payload.index()).entries.find(({ size }) => size > 8_000_000)!;
    const whole = await collect(payload.streamEntry(big.name));
    const range = await collect(payload.streamEntry(big.name, { start: 4_000_001, end: 8_500_000 }));
    assert.ok(range.equals(whole.subarray(4_000_001, 8_500_000)));
  });

  it('puts archives together with the size and hash that its index names', async () => {
    for (const archive of (await payload.index()).archives) {
      const bytes = await collect(payload.streamArchive(archive.name));
      assert.equal(bytes.length, archive.size);
      assert.equal(sha256(bytes), archive.sha256);
      assert.equal(gunzipSync(bytes).subarray(0, 10).toString(), 'index.json');
    }
  });

  it('stores a blob that images share once', async () => {
    const { entries, images } = await payload.index();
    const layers = images.flatMap((image) => image.layers);
    assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
    assert.ok(new Set(layers.map(({ digest }) => digest)).size < layers.length);
  });

  it('says what it does not hold', async () => {
    await assert.rejects(payload.entry('nothing'), {
      code: 'payload',
      message: 'the payload holds no nothing',
    });
  });
});
