import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

/**
 * Reads all that a payload gives out, as its consumers do. Returns the bytes that were handed on before it
 * failed.
 */
async function readAll(path: string): Promise<{ error: unknown; handedOn: Buffer }> {
  const pieces: Buffer[] = [];
  let error: unknown;
  try {
    const payload = await openPayload(path);
    try {
      await payload.product();
      await payload.release();
      for (const { name } of (await payload.index()).entries)
        for await (const piece of payload.streamEntry(name)) pieces.push(Buffer.from(piece));
    } finally {
      await payload.close();
    }
  } catch (thrown) {
    error = thrown;
  }
  return { error, handedOn: Buffer.concat(pieces) };
}

describe('a damaged payload', () => {
  let tiny: TinyPayload;
  let file: string;
  let intact: Buffer;
  let all: Buffer;
  before(async () => {
    tiny = await makeTinyPayload({ bigLayerBytes: 4_400_000 });
    file = join(tiny.folder, 'damaged');
    intact = readFileSync(tiny.path);
    const { error, handedOn } = await readAll(tiny.path);
    assert.equal(error, undefined);
    all = handedOn;
  });
  after(() => tiny.remove());

  const damageAt = async (offset: number): Promise<IvaapError> => {
    const bytes = Buffer.from(intact);
    bytes[offset]! ^= 1;
    writeFileSync(file, bytes);
    const { error, handedOn } = await readAll(file);
    assert.ok(error instanceof IvaapError, `a flipped bit at ${offset} was not found: ${String(error)}`);
    assert.equal(error.code, 'payload');
    assert.ok(handedOn.equals(all.subarray(0, handedOn.length)), `a wrong byte was handed on (${offset})`);
    return error;
  };

  it('is refused wherever a bit of its trailer changed', async () => {
    const trailerAt = intact.lastIndexOf('executable-payload 1');
    for (let offset = trailerAt - 2; offset < intact.length; offset += 7) await damageAt(offset);
  });

  it('is refused wherever a bit of its index changed', async () => {
    for (let offset = tiny.index.headSize; offset < tiny.index.entries[0]!.offset; offset += 1009)
      await damageAt(offset);
  });

  it('names the entry and hands on no wrong byte when an entry changed, header or content', async () => {
    const { entries } = tiny.index;
    const some = entries.filter(({ name, size }) => size > 4_000_000 || /product|values|helm/.test(name));
    for (const entry of some) {
      for (const offset of [entry.offset - 1, entry.offset, entry.offset + entry.size - 1]) {
        const { message } = await damageAt(offset);
        assert.ok(message.includes(entry.name), `${message} does not name ${entry.name}`);
        assert.match(message, /bytes \d+ to \d+ of /);
      }
    }
  });
});
