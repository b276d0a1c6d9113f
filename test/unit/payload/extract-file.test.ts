import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { linkSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import type { ExtractSource } from '../../../src/payload/extract-file.ts';
import { assertRoom, extractTarget, extractToFile } from '../../../src/payload/extract-file.ts';

const root = mkdtempSync(join(tmpdir(), 'extract-file-'));
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function folder(): string {
  const path = join(root, String((folders += 1)));
  mkdirSync(path);
  return path;
}

function source(pieces: string[], failure?: Error): ExtractSource {
  async function* stream() {
    for (const piece of pieces) yield Buffer.from(piece);
    await Promise.resolve();
    if (failure !== undefined) throw failure;
  }
  return { name: 'a/part', sizeBytes: pieces.join('').length, mode: 0o640, stream };
}

const target = (dest: string) => extractTarget(dest, 'a/part', { ourselves: '/proc/self/exe', asRoot: '' });

test('a new file gets the mode of the payload', async () => {
  const file = join(folder(), 'new');
  await extractToFile(source(['ab', 'cd']), await target(file));
  assert.equal(readFileSync(file, 'utf8'), 'abcd');
  assert.equal(statSync(file).mode & 0o7777, 0o640);
});

test('an existing file is replaced by another file and keeps its mode; a hard link to the old one keeps the old content', async () => {
  const at = folder();
  const file = join(at, 'old');
  writeFileSync(file, 'before');
  chmodSync(file, 0o604);
  linkSync(file, join(at, 'link'));
  await extractToFile(source(['after']), await target(file));
  assert.equal(readFileSync(file, 'utf8'), 'after');
  assert.equal(statSync(file).mode & 0o7777, 0o604);
  assert.equal(readFileSync(join(at, 'link'), 'utf8'), 'before');
});

for (const [what, failing] of [
  ['damage on the way', source(['ab'], new IvaapError('payload', 'damaged'))],
  ['an end before the size', { ...source(['ab']), sizeBytes: 3 }],
] as const) {
  test(`${what} leaves the old file and no other`, async () => {
    const at = folder();
    writeFileSync(join(at, 'old'), 'before');
    await assert.rejects(async () => extractToFile(failing, await target(join(at, 'old'))), {
      code: 'payload',
    });
    assert.deepEqual(readdirSync(at), ['old']);
    assert.equal(readFileSync(join(at, 'old'), 'utf8'), 'before');
  });
}

test('an abort ends with its reason and leaves nothing', async () => {
  const at = folder();
  const controller = new AbortController();
  const reason = new IvaapError('interrupted', 'stopped');
  const onBytes = () => controller.abort(reason);
  await assert.rejects(
    async () =>
      extractToFile(source(['ab', 'cd']), await target(join(at, 'x')), {
        signal: controller.signal,
        onBytes,
      }),
    reason,
  );
  assert.deepEqual(readdirSync(at), []);
});

test('of two writers of one new file one wins; the other says so and leaves nothing', async () => {
  const at = folder();
  const file = join(at, 'out');
  const targets = [await target(file), await target(file)];
  const ends = await Promise.allSettled(
    ['one', 'two'].map((text, number) => extractToFile(source([text]), targets[number]!)),
  );
  const won = ends.findIndex(({ status }) => status === 'fulfilled');
  const lost = ends[1 - won] as PromiseRejectedResult;
  assert.match((lost.reason as IvaapError).message, /another process made the file .*out meanwhile/);
  assert.equal((lost.reason as IvaapError).code, 'failed');
  assert.equal(readFileSync(file, 'utf8'), ['one', 'two'][won]);
  assert.deepEqual(readdirSync(at), ['out']);
});

for (const [what, change] of [
  ['replaced', (file: string) => (rmSync(file), writeFileSync(file, 'theirs'))],
  ['written', (file: string) => writeFileSync(file, 'theirs')],
] as const) {
  test(`a file that another process has ${what} meanwhile stays`, async () => {
    const at = folder();
    const file = join(at, 'out');
    writeFileSync(file, 'before');
    const seen = await target(file);
    change(file);
    await assert.rejects(extractToFile(source(['ours']), seen), /another process made the file/);
    assert.equal(readFileSync(file, 'utf8'), 'theirs');
    assert.deepEqual(readdirSync(at), ['out']);
  });
}

const refused: [what: string, make: (at: string) => string, message: RegExp][] = [
  ['a folder', (at) => at, /is a folder; nothing was changed/],
  ['a name that ends like a folder', (at) => join(at, 'new/'), /is a folder/],
  ['a link', (at) => (symlinkSync('/etc/hostname', join(at, 'l')), join(at, 'l')), /is a link/],
  ['a dangling link', (at) => (symlinkSync('nowhere', join(at, 'l')), join(at, 'l')), /is a link/],
  ['a device', () => '/dev/null', /is a device/],
  ['a missing folder', (at) => join(at, 'no/such'), /does not exist/],
  ['a file taken for a folder', (at) => (writeFileSync(join(at, 'f'), ''), join(at, 'f/x')), /not a folder/],
  ['nothing', () => '', /DEST is empty/],
  ['too long a name', (at) => join(at, 'n'.repeat(256)), /has 256 bytes, too long for the file system/],
];
for (const [what, make, message] of refused) {
  test(`DEST that is ${what} is refused with exit 2 and a hint`, async () => {
    const at = folder();
    const dest = make(at);
    const before = readdirSync(at);
    await assert.rejects(target(dest), (error: IvaapError) => {
      assert.equal(error.exitCode, 2);
      assert.match(error.message, message);
      assert.ok(error.hint);
      return true;
    });
    assert.deepEqual(readdirSync(at), before);
  });
}

test('the running executable is not replaced by one of its parts', async () => {
  const self = join(folder(), 'self');
  writeFileSync(self, '');
  await assert.rejects(
    extractTarget(self, 'a/part', { ourselves: self, asRoot: '' }),
    /is this executable itself/,
  );
  assert.ok(lstatSync(self).isFile());
});

test('more bytes than the file system has room for are refused before anything is written', async () => {
  await assert.rejects(assertRoom(root, 2 ** 60), { code: 'preflight' });
  await assertRoom(root, 1);
});
