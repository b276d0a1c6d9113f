import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { extractTree, treeTarget } from '../../../src/payload/extract-tree.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

const root = mkdtempSync(join(tmpdir(), 'extract-tree-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function folder(): string {
  const path = join(root, String((folders += 1)));
  mkdirSync(path);
  return path;
}

const file = (name: string, text: string, failure?: Error) => ({
  name,
  sizeBytes: text.length,
  mode: 0o644,
  async *stream() {
    yield await Promise.resolve(Buffer.from(text));
    if (failure !== undefined) throw failure;
  },
});

const files = [file('chart/Chart.yaml', 'name: x'), file('sets/a.tar.gz', 'aaaa'), file('values.yaml', 'v')];

test('a new folder appears with the complete tree, and progress counts all of it', async () => {
  const dir = join(folder(), 'stage');
  let seen = 0;
  await extractTree(files, await treeTarget(dir), { onBytes: (bytes) => (seen = bytes) });
  assert.deepEqual(readdirSync(dir, { recursive: true }).sort(), [
    'chart',
    'chart/Chart.yaml',
    'sets',
    'sets/a.tar.gz',
    'values.yaml',
  ]);
  assert.equal(readFileSync(join(dir, 'sets/a.tar.gz'), 'utf8'), 'aaaa');
  assert.equal(seen, 12);
});

test('an empty folder is filled and keeps its mode', async () => {
  const dir = folder();
  chmodSync(dir, 0o711);
  await extractTree(files, await treeTarget(dir));
  assert.equal(statSync(dir).mode & 0o7777, 0o711);
  assert.ok(readdirSync(dir).includes('chart'));
});

test('after damage in the last file nothing is there', async () => {
  const at = folder();
  const damaged = [...files, file('last', 'x', new IvaapError('payload', 'damaged'))];
  const target = await treeTarget(join(at, 'stage'));
  await assert.rejects(extractTree(damaged, target), { code: 'payload' });
  assert.deepEqual(readdirSync(at), []);
});

test('what a killed extraction left is removed by the next one', async () => {
  const at = folder();
  mkdirSync(join(at, '.stage.4194999-00c0ffee.extracting/chart'), { recursive: true });
  mkdirSync(join(at, `.stage.${process.pid}-00c0ffee.extracting`));
  await extractTree(files, await treeTarget(join(at, 'stage')));
  assert.deepEqual(readdirSync(at).sort(), [`.stage.${process.pid}-00c0ffee.extracting`, 'stage']);
});

for (const [where, make] of [
  ['a new folder', (at: string) => join(at, 'stage')],
  ['an empty folder', (at: string) => (mkdirSync(join(at, 'stage')), join(at, 'stage'))],
] as const) {
  test(`of two trees for ${where} one is complete; the other says so and leaves nothing`, async () => {
    const at = folder();
    const dir = make(at);
    const targets = [await treeTarget(dir), await treeTarget(dir)];
    const ends = await Promise.allSettled(targets.map((target) => extractTree(files, target)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as IvaapError] : []));
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.code, 'failed');
    assert.match(failures[0].message, /another process made the folder .*stage meanwhile/);
    assert.equal(failures[0].hint, `ls -la ${dir}`);
    assert.deepEqual(readdirSync(at), ['stage']);
    assert.deepEqual(readdirSync(dir).sort(), ['chart', 'sets', 'values.yaml']);
  });
}

test('a file that took the name meanwhile stays', async () => {
  const at = folder();
  const target = await treeTarget(join(at, 'stage'));
  writeFileSync(join(at, 'stage'), 'mine');
  await assert.rejects(extractTree(files, target), /another process made the file .*stage meanwhile/);
  assert.equal(readFileSync(join(at, 'stage'), 'utf8'), 'mine');
  assert.deepEqual(readdirSync(at), ['stage']);
});

test('in a mount point too: what another tree has there is not mixed with ours', () => {
  const source = (name: string) => JSON.stringify(join(import.meta.dirname, '../../../src', name));
  const script = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { extractTree, treeTarget } from ${source('payload/extract-tree.ts')};
    const file = (name, text) => ({ name, sizeBytes: text.length, mode: 0o644,
      stream: async function* () { yield Buffer.from(text); } });
    const trees = ['a', 'b'].map((text) => ['x.yaml', 'sets/x', 'chart/x', text + '/x'].map((name) => file(name, text)));
    const targets = [await treeTarget('/mnt'), await treeTarget('/mnt')];
    const ends = await Promise.allSettled(trees.map((tree, at) => extractTree(tree, targets[at])));
    const won = ends.findIndex(({ status }) => status === 'fulfilled');
    const lost = ends.flatMap(({ reason }) => reason === undefined ? [] : [reason.message]);
    const text = ['a', 'b'][won];
    const all = ['x.yaml', 'sets/x', 'chart/x'].every((name) => readFileSync('/mnt/' + name, 'utf8') === text);
    console.log(all, readdirSync('/mnt').length, lost.join());`;
  const mount = 'mount -t tmpfs tmpfs /mnt';
  const [program, ...argv] = inOwnMounts(mount, [process.execPath, '--input-type=module', '--eval', script]);
  assert.match(
    execFileSync(program, argv, { encoding: 'utf8' }),
    /^true 4 another process made the folder \/mnt meanwhile; .*\n$/,
  );
});

test('a name of 255 bytes is made, and a longer one refused before anything is written', async () => {
  const at = folder();
  await extractTree(files, await treeTarget(join(at, 'n'.repeat(255))));
  await assert.rejects(treeTarget(join(at, 'n'.repeat(256))), {
    code: 'usage',
    message: /has 256 bytes, too long for the file system; nothing was changed/,
  });
});

const refused: [what: string, make: (at: string) => string, message: RegExp][] = [
  ['not empty', (at) => (writeFileSync(join(at, 'f'), ''), at), /is not empty/],
  ['a file', (at) => (writeFileSync(join(at, 'f'), ''), join(at, 'f')), /not a folder/],
  [
    'a link to an empty folder',
    (at) => (symlinkSync(folder(), join(at, 'l')), join(at, 'l')),
    /not a folder/,
  ],
  ['in a missing folder', (at) => join(at, 'no/such'), /is in .*not a folder/],
];
for (const [what, make, message] of refused) {
  test(`DIR that is ${what} is refused with exit 2`, async () => {
    await assert.rejects(treeTarget(make(folder())), (error: IvaapError) => {
      assert.equal(error.exitCode, 2);
      assert.match(error.message, message);
      return true;
    });
  });
}

for (const existing of [false, true]) {
  const where = existing ? 'an empty folder' : 'a new folder';
  test(`a link put in the place of the growing tree leads nowhere: ${where} is not made, and what the link leads to is as it was`, async () => {
    const at = folder();
    const victim = folder();
    chmodSync(victim, 0o700);
    const dir = join(at, 'stage');
    if (existing) mkdirSync(dir, { mode: 0o777 });
    if (existing && process.geteuid?.() === 0) chownSync(dir, 1234, 1234);
    const target = await treeTarget(dir);
    let opened = 0;
    const onFile = () => {
      if ((opened += 1) !== 2) return;
      renameSync(target.temporary, join(at, 'aside'));
      symlinkSync(victim, target.temporary);
    };
    await assert.rejects(extractTree(files, target, { onFile }), { code: 'failed' });
    const { uid, mode } = statSync(victim);
    assert.deepEqual([uid, mode & 0o7777, readdirSync(victim)], [process.geteuid?.(), 0o700, []]);
    assert.deepEqual(readdirSync(join(at, 'aside')), []);
    assert.deepEqual(existing ? readdirSync(dir) : existsSync(dir), existing ? [] : false);
  });
}
