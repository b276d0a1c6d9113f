import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload, tinyHead } from '../../fixtures/tiny-payload.ts';

describe('a file whose trailer is not where it should be', () => {
  let tiny: TinyPayload;
  let file: string;
  before(async () => {
    tiny = await makeTinyPayload();
    file = join(tiny.folder, 'copy');
  });
  after(() => tiny.remove());

  const refusal = async (): Promise<IvaapError> => {
    const error: unknown = await openPayload(file).then(
      (payload) => payload.close(),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.code, 'payload');
    return error;
  };
  const cutAt = (size: number) => {
    copyFileSync(tiny.path, file);
    truncateSync(file, size);
    return refusal();
  };

  it('is incomplete up to a named entry when it was cut off, with the byte to continue from', async () => {
    const { entries, fileSize } = tiny.index;
    for (const [position, entry] of entries.entries()) {
      if (entry.size === 0) continue;
      const cut = entry.offset + entry.size - 1;
      const { message, hint } = await cutAt(cut);
      const complete = entries[position - 1]?.name ?? 'index.json';
      assert.equal(message, `${file} is incomplete: ${cut} of ${fileSize} bytes, complete up to ${complete}`);
      assert.match(
        hint!,
        new RegExp(`from byte ${cut} on; it must have ${fileSize} bytes: stat -c %s ${file}$`),
      );
    }
  });

  it('is incomplete when only the last byte is missing', async () => {
    const { message } = await cutAt(tiny.index.fileSize - 1);
    assert.match(message, /complete up to blobs\/sha256\/[0-9a-f]{64}$/);
  });

  it('says so when it was cut inside its index or its executable', async () => {
    assert.match((await cutAt(5000)).message, /cut off or damaged before the end of its index$/);
    assert.match((await cutAt(100)).message, /at least 128 bytes, cut off inside the executable itself$/);
  });

  it('was sent as text when each line end in it is two characters, or what must be a header is nonsense', async () => {
    const asText = (bytes: Buffer) =>
      Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
    writeFileSync(file, asText(readFileSync(tiny.path)));
    const { message, hint } = await refusal();
    assert.equal(
      message,
      `${file} is damaged: it was transferred as text: each line end in it became two characters`,
    );
    assert.match(hint!, /type `binary`/);
    // Cut off too: only the line ends in front of it tell.
    const long = Buffer.concat([tinyHead(), Buffer.from('a line\n'.repeat(1000))]);
    writeFileSync(file, asText(long));
    assert.match((await refusal()).message, /was transferred as text/);
    const shifted = tinyHead();
    shifted.writeBigUInt64LE(0x0a0d_0000_0000_0000n, 40);
    writeFileSync(file, shifted);
    assert.match((await refusal()).message, /is damaged: the headers of the executable are invalid$/);
  });

  it('carries no payload when it ends with its ELF image', async () => {
    writeFileSync(file, tinyHead());
    const { message, hint } = await refusal();
    assert.equal(message, `${file} carries no payload`);
    assert.match(hint!, /`strip`/);
  });

  it('is no executable of ours when it is something else or empty', async () => {
    for (const content of ['', 'hello', 'x'.repeat(10_000)]) {
      writeFileSync(file, content);
      assert.match((await refusal()).message, /carries no payload and is not an executable of this kind$/);
    }
  });

  it('is damaged when bytes were added behind it', async () => {
    copyFileSync(tiny.path, file);
    appendFileSync(file, 'more');
    assert.match((await refusal()).message, /is damaged: it has 4 bytes more than its \d+$/);
  });
});
