import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { state } from '../../../src/checks/state.ts';
import { measured } from '../../fixtures/measured.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import type { Product } from '../../../src/payload/product-schema.ts';

/** Folders of the product that a run writes into later. */

function host() {
  const folder = mkdtempSync('/var/tmp/folders-');
  const product = { folder, archives: { core: 'core' }, values: { file: 'v' }, chart: { folder: 'chart' } };
  const paths = productPaths(product as unknown as Product);
  for (const path of [paths.installer, paths.backups, paths.tools, paths.chart])
    mkdirSync(path, { recursive: true });
  writeFileSync(paths.state, '{}');
  return {
    paths,
    ask: () => measured(state, { paths, state: { schema: { major: 1, minor: 0 }, product: 'wells' } }),
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

test('a backup folder that is a link, or not a folder, fails with its fix', async (t) => {
  const { paths, ask, remove } = host();
  t.after(remove);
  rmSync(paths.backups, { recursive: true });
  symlinkSync(paths.tools, paths.backups);
  const linked = await ask();
  assert.deepEqual(
    [linked.outcome, linked.measured.startsWith(`${paths.backups} is a symbolic link`)],
    ['fail', true],
  );
  assert.match(linked.fix ?? '', /^sh -c 'target=\$\(readlink -f \S+backups\) && rm .* && mount --bind .*'$/);
  rmSync(paths.backups);
  writeFileSync(paths.backups, '');
  assert.match((await ask()).measured, /backups is not a folder$/);
});

test('an immutable folder fails with its fix', async (t) => {
  const { paths, ask, remove } = host();
  t.after(remove);
  for (const path of [paths.backups, paths.chart]) {
    execFileSync('chattr', ['+i', path]);
    const found = await ask().finally(() => execFileSync('chattr', ['-i', path]));
    assert.deepEqual([found.outcome, found.measured.split(':')[0]], ['fail', `${path} is not writable`]);
    assert.match(found.fix ?? '', new RegExp(`^chattr -i ${path} `));
    assert.equal((await ask()).outcome, 'ok');
  }
});
