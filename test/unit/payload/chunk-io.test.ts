import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { scanPayload } from '../../../src/payload/scan.ts';
import { withFlippedBit } from '../../fixtures/flipped-bit.ts';
import { scanWithoutThreads } from '../../fixtures/in-process-host/scan-thread.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

test('a host that gives no thread is served without', async () => {
  const tiny = await makeTinyPayload();
  const restore = scanWithoutThreads();
  const payload = await openPayload(tiny.path);
  try {
    assert.deepEqual((await scanPayload(payload)).damages, []);
    const { damages } = await withFlippedBit(tiny.path, 100, () => scanPayload(payload));
    assert.deepEqual(damages, [{ what: 'the executable itself', from: 0, to: 128 }]);
  } finally {
    await payload.close();
    restore();
    tiny.remove();
  }
});
