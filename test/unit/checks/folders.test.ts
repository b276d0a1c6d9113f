import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { roomAt } from '../../../src/host/mounts.ts';
import { judgeRoom } from '../../../src/policy/room.ts';
import { checkState } from '../../../src/checks/installer.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import type { Product } from '../../../src/payload/product-schema.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

/** Folders of the product that a run writes into later. */

function host() {
  const folder = mkdtempSync('/var/tmp/folders-');
  const product = { folder, archives: { core: 'core' }, values: { file: 'v' }, chart: { folder: 'chart' } };
  const paths = productPaths(product as unknown as Product);
  for (const path of [paths.installer, paths.backups, paths.tools, paths.chart])
    mkdirSync(path, { recursive: true });
  writeFileSync(paths.state, '{}');
  const state = { schema: { major: 1, minor: 0 }, product: 'wells' } as State;
  return {
    paths,
    ask: () => checkState({ paths }, state),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

test('folders that can be written are ok, one that is not there yet too', async (t) => {
  const { paths, ask, remove } = host();
  t.after(remove);
  assert.equal((await ask()).outcome, 'ok');
  rmSync(paths.backups, { recursive: true });
  assert.equal((await ask()).outcome, 'ok');
});

test('a folder of backups that is a link, or none, fails with what mends it', async (t) => {
  const { paths, ask, remove } = host();
  t.after(remove);
  rmSync(paths.backups, { recursive: true });
  symlinkSync(paths.tools, paths.backups);
  const linked = await ask();
  assert.deepEqual(
    [linked.outcome, linked.measured.startsWith(`${paths.backups} is a link`)],
    ['fail', true],
  );
  assert.match(linked.fix ?? '', /^target=\$\(readlink -f \S+backups\) && rm .* && mount --bind/);
  rmSync(paths.backups);
  writeFileSync(paths.backups, '');
  assert.match((await ask()).measured, /backups is no folder$/);
});

test('a folder that is immutable fails with what mends it', async (t) => {
  const { paths, ask, remove } = host();
  t.after(remove);
  for (const path of [paths.backups, paths.chart]) {
    execFileSync('chattr', ['+i', path]);
    const found = await ask().finally(() => execFileSync('chattr', ['-i', path]));
    assert.deepEqual([found.outcome, found.measured.split(':')[0]], ['fail', `${path} cannot be written`]);
    assert.match(found.fix ?? '', new RegExp(`^chattr -i ${path} `));
    assert.equal((await ask()).outcome, 'ok');
  }
});

test('a file system without inodes is told as that, with df -i', () => {
  const room = { path: '/p', fileSystem: '8:1', mountPoint: '/p', freeBytes: 10, freeFiles: 199 };
  const missing = [{ path: '/p', bytes: 1, files: 200, why: 'chart' }];
  const [found] = judgeRoom([], missing, [room]);
  assert.deepEqual(
    [found?.outcome, found?.measured],
    ['fail', '199 inodes free on /p, whatever room is free'],
  );
  assert.match(found?.fix ?? '', /^df -i \/p;/);
  for (const freeFiles of [200, undefined]) {
    assert.equal(judgeRoom([], missing, [{ ...room, freeFiles }])[0]?.outcome, 'ok');
  }
  // Without room either: room is said.
  assert.match(judgeRoom([], missing, [{ ...room, freeBytes: 0 }])[0]?.measured ?? '', /^0 B free/);
});

test('inodes are counted where the file system has a number of them, and their lack is said of a write', async () => {
  assert.notEqual((await roomAt('/proc/self')).freeFiles, 0, 'a file system that counts none lacks none');
  const script = `
    import { roomAt } from ${JSON.stringify(join(import.meta.dirname, '../../../../src/host/mounts.ts'))};
    import { makeFolder } from ${JSON.stringify(join(import.meta.dirname, '../../../../src/host/atomic-file.ts'))};
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
