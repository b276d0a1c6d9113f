import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRunner } from '../../../src/host/runner.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

test('a dump many times its database ends itself before its disk is full, and the database continues', async () => {
  const program = join(import.meta.dirname, '../../fixtures/dump-on-small-disk.ts');
  const mount = 'mount -t tmpfs -o size=300m,mode=1777 tmpfs /var/tmp';
  const { stdout } = await createRunner().run(inOwnMounts(mount, [process.execPath, program]));
  const found = JSON.parse(stdout);
  const dumpBytes = 60 * (2 * 4_000_000 + 1_700_000);
  assert.ok(found.onDiskBytes * 20 < dumpBytes, `${found.onDiskBytes} bytes on disk`);
  assert.ok(found.freeBeforeBytes < dumpBytes);
  assert.ok(
    Math.abs(found.estimatedBytes / dumpBytes - 1) < 0.1,
    `about ${found.estimatedBytes} of ${dumpBytes}`,
  );
  assert.equal(found.error?.code, 'failed');
  assert.match(found.error.message, /no space left on \/var\/tmp: \d+ MiB are free, and 30 MiB are reserved/);
  assert.match(found.error.hint, /df -h \/var\/tmp/);
  assert.ok(found.leastFree > found.keptBytes - 8 * 1024 ** 2, `${found.leastFree} bytes were free`);
  assert.ok(found.freeAfterBytes > found.freeBeforeBytes - 8 * 1024 ** 2, 'nothing is left of it');
  assert.match(found.archive, /no space left on \/var\/tmp/);
  assert.ok(found.archiveBytes > 2 ** 20 && found.archiveBytes < found.freeBeforeBytes - 2 ** 20);
  assert.equal(found.rows, '110');
});
