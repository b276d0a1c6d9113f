import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { keptFolderName, newFolderName, removedDataName } from '../../../src/release/aside-folders.ts';
import { ourFiles } from '../../../src/release/our-files.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const root = mkdtempSync(join(tmpdir(), 'our-files-'));
after(() => rmSync(root, { recursive: true }));

test('each path of the folder is ours by its name, or foreign; a link is one entry', async () => {
  const folder = join(root, 'tiny');
  const product = { ...productSchema.parse(tinyProduct), folder };
  const paths = productPaths(product);
  const storage = join(folder, 'data/db');
  const put = (path: string) => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
  };
  assert.deepEqual(await ourFiles(product, paths, { storagePath: storage }), {
    there: false,
    ours: [],
    aside: [],
    foreign: [],
    mounts: [],
  });
  const ours = [paths.values, paths.state, `${paths.state}.partial`, join(folder, 'connectors/alpha.tar.gz')];
  const leftover = join(folder, '.tiny.values.yaml.4711-0011aabb.partial');
  const foreign = [
    'notes.txt',
    'data.pg15-mine',
    'connectors/mine.tar.gz',
    '.installer/keys',
    '.x.1-0011aabb.partial',
  ];
  const aside = [
    removedDataName(storage, '20260131T235959Z'),
    keptFolderName(storage, 15, new Date()),
    keptFolderName(storage, undefined, new Date()),
    newFolderName(storage, 17),
  ];
  [...ours, leftover, ...foreign.map((name) => join(folder, name))].forEach(put);
  put(join(storage, 'PG_VERSION'));
  for (const path of aside) put(join(path, 'PG_VERSION'));
  put(join(paths.chart, 'Chart.yaml'));
  symlinkSync('/etc', join(folder, 'archive'));
  const found = await ourFiles(product, paths, { storagePath: storage });
  assert.deepEqual(
    found.foreign.map((path) => relative(folder, path)).sort(),
    ['archive', ...foreign].sort(),
  );
  assert.deepEqual(found.ours.sort(), [...ours, leftover, paths.chart, storage].sort());
  assert.deepEqual(found.aside.map(({ path }) => path).sort(), aside.sort());
  assert.deepEqual(found.mounts, []);
});
