import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { assertStoragePath } from '../../../src/policy/answer-form.ts';
import { managedPaths, productPaths } from '../../../src/release/product-paths.ts';
import { assertStorageFolder, assertStorageRoom } from '../../../src/release/storage-folder.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/** Folders that an operator may name for the database. */

const root = mkdtempSync('/var/lib/storage-folder-');
const at = (name: string) => join(root, name);
after(() => rmSync(root, { recursive: true }));

mkdirSync(at('empty'));
mkdirSync(at('used'));
writeFileSync(at('used/PG_VERSION'), '15');
writeFileSync(at('file'), '');
symlinkSync(at('empty'), at('link'));
symlinkSync(at('nowhere'), at('broken'));
mkdirSync(at('open'));
chmodSync(at('open'), 0o777);

test('an empty folder and one that is missing may hold a new database', async () => {
  for (const name of ['empty', 'missing', 'missing/below']) await assertStorageFolder(at(name), []);
});

const rows: [name: string, code: string, says: RegExp][] = [
  ['used', 'preflight', /is not empty/],
  ['file', 'usage', /is not a folder/],
  ['file/below', 'usage', /cannot be used/],
  ['link', 'usage', /is a link to .*\/empty: name the folder itself/],
  ['broken', 'usage', /is a link to .*\/nowhere/],
  ['open/db', 'preflight', /can be changed by other users than root/],
];
for (const [name, code, says] of rows) {
  test(`the database's folder ${name} is refused`, async () => {
    await assert.rejects(assertStorageFolder(at(name), []), { code, message: says });
  });
}

test('a folder that goes with k3s is refused, through links too', async () => {
  symlinkSync('/var/lib/kubelet', at('to-kubelet'));
  for (const path of ['/var/lib/rancher/k3s/storage/db', '/run/k3s', at('to-kubelet/db')]) {
    const message = /which k3s-uninstall\.sh deletes with k3s/;
    await assert.rejects(assertStorageFolder(path, []), { code: 'usage', message }, path);
  }
  await assertStorageFolder('/var/lib/rancher-db', []);
});

test('a folder in what the installer writes and removes, or around it, is refused, through links too', async () => {
  const paths = productPaths(productSchema.parse({ ...tinyProduct, folder: at('product') }));
  symlinkSync(at('product/.installer'), at('to-installer'));
  const chart = tinyProduct.chart.folder;
  for (const name of [
    'product',
    'product/.installer',
    'product/.installer/backups',
    'product/.installer/logs/db',
    `product/${chart}`,
    `product/${chart}/pg`,
    `product/${tinyProduct.values.file}/db`,
    'to-installer/db',
  ]) {
    const message = /, which the installer writes, replaces and removes$/;
    await assert.rejects(
      assertStorageFolder(at(name), managedPaths(paths)),
      { code: 'usage', message },
      name,
    );
  }
  for (const name of ['product/postgres', 'product-data'])
    await assertStorageFolder(at(name), managedPaths(paths));
});

test('what is not absolute and normalized, or holds control characters, is no folder', () => {
  for (const path of ['db', './db', '/srv/../db', '/srv//db', '/', '/srv/db/', '', '~/db', '/srv/\u0007db'])
    assert.throws(() => assertStoragePath(path), { code: 'usage' }, path);
  for (const path of ['/srv/db', '/srv/my data', '/srv/dätä']) assertStoragePath(path);
});

test('a disk that is too full for a new database is refused, by its mount point', async () => {
  const volume = { ...tinyProduct.database.volume, freeBytes: Number.MAX_SAFE_INTEGER };
  const database = { ...tinyProduct.database, volume };
  const product = productSchema.parse({ ...tinyProduct, database });
  await assert.rejects(assertStorageRoom(at('empty'), product), {
    code: 'preflight',
    message: /free \(\/.*\); .* needed/,
  });
  const small = { ...database, volume: { ...volume, freeBytes: 0 } };
  await assertStorageRoom(at('empty'), productSchema.parse({ ...tinyProduct, database: small }));
});
