import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moveTree } from '../../../src/host/move-tree.ts';
import { removeEmptyFolder, removeTree } from '../../../src/host/remove-tree.ts';
import { liesIn, mountPointsBelow } from '../../../src/host/mounts.ts';
import { processesIn } from '../../../src/host/processes.ts';
import { treeBytes } from '../../../src/host/tree-size.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

const root = mkdtempSync(join(tmpdir(), 'move-tree-'));
after(() => rmSync(root, { recursive: true, force: true }));

const source = (name: string) => JSON.stringify(join(import.meta.dirname, '../../../src/host', name));

function inMounts(setUp: string, script: string): string {
  const [program, ...argv] = inOwnMounts(setUp, [process.execPath, '--input-type=module', '--eval', script]);
  return execFileSync(program, argv, { encoding: 'utf8' });
}

test('a tree is moved with its modes, also to another disk, and a move that was cut off is ended', () => {
  const script = `
    import { mkdirSync, writeFileSync, chmodSync, statSync, existsSync, readFileSync } from 'node:fs';
    import { moveTree } from ${source('move-tree.ts')};
    const make = (folder) => {
      mkdirSync(folder + '/sealed', { recursive: true });
      writeFileSync(folder + '/sealed/dump.sql', 'rows', { mode: 0o600 });
      chmodSync(folder + '/sealed', 0o500);
    };
    const look = (from, to) => console.log(existsSync(from), readFileSync(to + '/sealed/dump.sql', 'utf8'),
      (statSync(to + '/sealed').mode & 0o7777).toString(8));
    make('/mnt/a/one'); await moveTree('/mnt/a/one', '/mnt/b/one'); look('/mnt/a/one', '/mnt/b/one');
    make('/mnt/a/two'); make('/mnt/b/two'); await moveTree('/mnt/a/two', '/mnt/b/two'); look('/mnt/a/two', '/mnt/b/two');
    make('/mnt/a/three'); await moveTree('/mnt/a/three', '/mnt/a/four'); look('/mnt/a/three', '/mnt/a/four');
    await moveTree('/mnt/a/gone', '/mnt/b/gone'); console.log(existsSync('/mnt/b/gone'));`;
  const setUp =
    'mount -t tmpfs tmpfs /mnt; mkdir /mnt/a /mnt/b; ' +
    'mount -t tmpfs tmpfs /mnt/a; mount -t tmpfs tmpfs /mnt/b';
  assert.equal(inMounts(setUp, script), 'false rows 500\nfalse rows 500\nfalse rows 500\nfalse\n');
});

test('a path lies in a folder by whatever link or bind mount it is written, and beside it otherwise', () => {
  const script = `
    import { symlinkSync } from 'node:fs';
    import { liesIn, mountPointsBelow } from ${source('mounts.ts')};
    symlinkSync('/mnt/product', '/mnt/link');
    for (const path of ['/mnt/product', '/mnt/product/x/y', '/mnt/link/new', '/mnt/bound/new', '/mnt/product-last', '/mnt', '/mnt/disk/x'])
      console.log(path, liesIn(path, '/mnt/product'));
    console.log(mountPointsBelow('/mnt/product').join());`;
  const setUp = [
    'mount -t tmpfs tmpfs /mnt',
    'mkdir -p /mnt/product/sub /mnt/product/disk /mnt/bound /mnt/disk',
    'mount --bind /mnt/product/sub /mnt/bound',
    'mount -t tmpfs tmpfs /mnt/disk',
    'mount -t tmpfs tmpfs /mnt/product/disk',
  ].join('; ');
  assert.deepEqual(inMounts(setUp, script).trim().split('\n'), [
    '/mnt/product true',
    '/mnt/product/x/y true',
    '/mnt/link/new true',
    '/mnt/bound/new true',
    '/mnt/product-last false',
    '/mnt false',
    '/mnt/disk/x false',
    '/mnt/product/disk',
  ]);
});

test('what is removed follows no link, and only an empty folder goes as one', async () => {
  const folder = join(root, 'folder');
  const outside = join(root, 'outside');
  mkdirSync(folder);
  mkdirSync(outside);
  writeFileSync(join(outside, 'theirs'), 'theirs');
  symlinkSync(outside, join(folder, 'tablespace'));
  assert.equal(await removeEmptyFolder(folder), false);
  assert.equal(await treeBytes(join(root, 'missing')), 0);
  await removeTree(folder);
  assert.deepEqual([existsSync(folder), existsSync(join(outside, 'theirs'))], [false, true]);
  mkdirSync(folder);
  assert.deepEqual([await removeEmptyFolder(folder), await removeEmptyFolder(folder)], [true, false]);
  chmodSync(outside, 0o500);
  await moveTree(outside, folder);
  assert.equal(statSync(folder).mode & 0o7777, 0o500);
  assert.ok(!liesIn(outside, folder) && mountPointsBelow(folder).length === 0);
});

test('a process that works in a folder, or in a child of it, is found; one beside it is not', async () => {
  const data = join(root, 'data');
  mkdirSync(join(data, 'pgdata'), { recursive: true });
  mkdirSync(join(root, 'beside'));
  const sleeper = (cwd: string) => spawn('sleep', ['60'], { cwd, stdio: 'ignore' });
  const started = [data, join(data, 'pgdata'), join(root, 'beside')].map(sleeper);
  try {
    const found = processesIn(data).map(({ pid }) => pid);
    assert.deepEqual(
      found.toSorted((a, b) => a - b),
      started.slice(0, 2).map(({ pid }) => pid),
    );
  } finally {
    for (const child of started) child.kill('SIGKILL');
  }
});
