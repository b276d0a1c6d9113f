import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';
import { readOnlyFix, roomAt } from '../../../src/host/mounts.ts';

test('inodes are counted where the file system has a number of them, and their lack is said of a write', async () => {
  assert.notEqual((await roomAt('/proc/self')).freeFiles, 0, 'a file system that counts none lacks none');
  const script = `
    import { roomAt } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/mounts.ts'))};
    import { makeFolder } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/atomic-file.ts'))};
    const { freeFiles } = await roomAt('/mnt');
    for (let count = 0; count < freeFiles; count += 1) await makeFolder('/mnt/' + count);
    const error = await makeFolder('/mnt/more').catch((reason) => reason);
    console.log(freeFiles, error.message, '|', error.hint);`;
  const [program, ...argv] = inOwnMounts('mount -t tmpfs -o nr_inodes=9 tmpfs /mnt', [
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
  ]);
  const said = execFileSync(program, argv, { encoding: 'utf8' });
  assert.match(said, /^8 no inodes left on \/mnt for \/mnt\/more \| df -i \/mnt\n$/);
});

test('only what can be written is told to be mounted writable', () => {
  assert.equal(readOnlyFix('/srv/a b', 'ext4'), "mount -o remount,rw '/srv/a b'");
  assert.match(
    readOnlyFix('/mnt', 'iso9660'),
    /^name a folder on another disk \(iso9660 cannot be written\)/,
  );
});
