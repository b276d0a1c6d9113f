import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

/** Moving and removing where other disks or other things are in the way. */

const sourceOf = (name: string) => JSON.stringify(join(import.meta.dirname, `../../../src/host/${name}.ts`));
const setUp =
  'mount -t tmpfs tmpfs /mnt; mkdir /mnt/a /mnt/b; ' +
  'mount -t tmpfs tmpfs /mnt/a; mount -t tmpfs tmpfs /mnt/b; mkdir -p /mnt/a/tree/x/disk; ' +
  'mount -t tmpfs tmpfs /mnt/a/tree/x/disk; echo theirs >/mnt/a/tree/x/disk/theirs';

function inMounts(script: string): string[] {
  const imports =
    `import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';` +
    `import { moveTree } from ${sourceOf('move-tree')};` +
    `import { removeTree } from ${sourceOf('remove-tree')};`;
  const argv = [process.execPath, '--input-type=module', '--eval', imports + script];
  const [program, ...rest] = inOwnMounts(setUp, argv);
  return execFileSync(program, rest, { encoding: 'utf8' }).trim().split('\n');
}

test('a single file is moved to another disk with its owner', () => {
  const script = `
    writeFileSync('/mnt/a/one', 'rows'); chownSync('/mnt/a/one', 7, 8);
    await moveTree('/mnt/a/one', '/mnt/b/one');
    const { uid, gid } = statSync('/mnt/b/one');
    console.log(existsSync('/mnt/a/one'), readFileSync('/mnt/b/one', 'utf8'), uid, gid);`;
  assert.deepEqual(inMounts(script), ['false rows 7 8']);
});

test('what is moved stays where the new place has something else', () => {
  const script = `
    mkdirSync('/mnt/a/one'); writeFileSync('/mnt/a/one/dump', 'all the rows'); mkdirSync('/mnt/b/one');
    for (const other of [undefined, 'some']) {
      if (other !== undefined) writeFileSync('/mnt/b/one/dump', other);
      const why = await moveTree('/mnt/a/one', '/mnt/b/one').then(() => 'moved', ({ message }) => message);
      console.log(why);
    }
    console.log(readFileSync('/mnt/a/one/dump', 'utf8'));`;
  const [first = '', second = '', kept] = inMounts(script);
  for (const why of [first, second]) assert.match(why, /\/mnt\/b\/one.* is not a copy of/);
  assert.equal(kept, 'all the rows');
});

test('a folder is removed without the disk that is mounted in it', () => {
  const script = `
    const why = await removeTree('/mnt/a/tree').then(() => 'removed', ({ message }) => message);
    console.log(why.split('\\n')[0]);
    console.log(readFileSync('/mnt/a/tree/x/disk/theirs', 'utf8').trim());`;
  const [why = '', theirs] = inMounts(script);
  assert.notEqual(why, 'removed');
  assert.equal(theirs, 'theirs');
});
