import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { IvaapError } from '../../../src/errors.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { payloadReader } from '../../../src/payload/position-reader.ts';
import { Payload } from '../../../src/payload/reader.ts';
import { namedDamages } from '../../../src/payload/named-damages.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

/** Reading what a process has not mapped is the kernel's EIO, as of a disk that fails. */
const failing = openSync('/proc/self/mem', 'r');
let tiny: TinyPayload;
before(async () => {
  tiny = await makeTinyPayload();
});
after(() => {
  closeSync(failing);
  tiny.remove();
});

const isDiskError = (error: IvaapError) => {
  assert.equal(error.code, 'payload');
  assert.match(error.message, /cannot be read at byte \d+: the disk or its connection is failing$/);
  assert.match(error.hint!, /dmesg/);
  return true;
};

test('a disk that fails while headers, index or product are read is reported as such, and not as a defect', async () => {
  await assert.rejects(payloadReader(failing, 'file')(0, 10), isDiskError);
  const whole = await openPayload(tiny.path);
  const content = await whole.readAt(whole.trailer.indexOffset, whole.trailer.indexLength);
  const file = { descriptor: failing, close: () => Promise.resolve() };
  const comment = whole.trailer.fileSize - whole.commentOffset;
  const payload = new Payload(file, tiny.path, whole.trailer, comment, content);
  await assert.rejects(payload.index(), isDiskError);
  // Once the index is known: its entries' headers and contents.
  const index = await whole.index();
  Object.assign(payload, { index: () => Promise.resolve(index) });
  await assert.rejects(payload.product(), isDiskError);
  await assert.rejects(payload.release(), isDiskError);
  await assert.rejects(payload.streamEntry('tools/helm').next(), isDiskError);
  const damages = await namedDamages(payload, [0]);
  assert.equal(damages[0]?.what, 'product.json');
  await whole.close();
});
