import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { IvaapError } from '../../../src/errors.ts';
import { makeFolder, writeFileAtomic } from '../../../src/host/atomic-file.ts';
import { mountHolding } from '../../../src/host/mounts.ts';
import { writeError } from '../../../src/host/write-error.ts';
import { inOwnMounts } from '../../fixtures/own-mounts.ts';

const root = mkdtempSync(join(tmpdir(), 'write-error-'));
after(() => rmSync(root, { recursive: true }));

const said = (path: string, code: string) =>
  writeError(path, Object.assign(new Error(`${code}: as the kernel says it`), { code })) as IvaapError;

const rows: [code: string, message: RegExp, hint: RegExp][] = [
  ['ENOSPC', /^no space left on \/proc while/, /^df -h \/proc$/],
  ['EDQUOT', /quota on \/proc is used up/, /^repquota -ugs \/proc$/],
  ['EROFS', /^\/proc is mounted read-only/, /^mount -o remount,rw \/proc$/],
  ['EACCES', /\/proc cannot be written/, /^(namei -l \/proc|run the same command with sudo)$/],
  ['EPERM', /\/proc cannot be written/, /^lsattr -d \/ \/proc$/],
  ['ELOOP', /leads through a link/, /^namei -l \/proc$/],
  ['ENOTDIR', /not a folder/, /^namei -l \/proc$/],
  ['EMFILE', /limit of open files/, /^ulimit -n /],
  ['ENFILE', /too many files are open on this host/, /^sysctl fs.file-nr/],
  ['EIO', /the disk of \/proc reported an error/, /^dmesg \| tail$/],
  ['ENOTEMPTY', /another process made the folder \/proc meanwhile/, /^ls -la \/proc$/],
  ['ENOTHING', /as the kernel says it/, /^findmnt -T \/proc$/],
];
for (const [code, message, hint] of rows) {
  test(`${code} is told with its cause, the file system it is of, and one command that fits`, () => {
    const error = said('/proc', code);
    assert.equal(error.code, 'failed');
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
  });
}

test('a name that is too long is told as that, by its bytes and not by its letters', async () => {
  const path = join(root, 'ü'.repeat(128));
  await assert.rejects(writeFileAtomic(path, '', { mode: 0o600 }), (error: IvaapError) => {
    assert.match(error.message, /has 256 bytes, too long for the file system/);
    assert.equal(error.hint, `getconf NAME_MAX ${mountHolding(root)}`);
    assert.match(execFileSync('sh', ['-c', error.hint ?? ''], { encoding: 'utf8' }), /^\d+\n$/);
    return true;
  });
});

test('a name that the file system takes is written, although a longer one is needed meanwhile', async () => {
  await writeFileAtomic(join(root, 'n'.repeat(255)), '', { mode: 0o600 });
});

test('links in a circle and a file in the place of a folder are told as such', async () => {
  symlinkSync('circle', join(root, 'circle'));
  writeFileSync(join(root, 'file'), '');
  const attempt = (path: string) => makeFolder(join(root, path));
  await assert.rejects(attempt('circle/x'), { hint: `namei -l ${join(root, 'circle/x')}` });
  await assert.rejects(attempt('file/x'), /leads through something that is not a folder/);
});

test('the file system that takes no more is named, be it the target itself or above folders to be made', () => {
  const source = (name: string) => JSON.stringify(join(import.meta.dirname, '../../../src', name));
  const script = `
    import { execFileSync } from 'node:child_process';
    import { makeFolder } from ${source('host/atomic-file.ts')};
    import { assertRoom } from ${source('payload/extract-file.ts')};
    import { extractTree, treeTarget } from ${source('payload/extract-tree.ts')};
    const say = (error) => console.log(error.message, '|', error.hint);
    const large = { name: 'f', sizeBytes: 1e6, mode: 0o644, stream: async function* () { yield Buffer.alloc(1e6); } };
    const extract = async () => extractTree([large], await treeTarget('/mnt'));
    await extract().catch(say);
    execFileSync('mount', ['-o', 'remount,ro', '/mnt']);
    await extract().catch(say);
    await makeFolder('/mnt/a/b/c').catch(say);
    await assertRoom('/mnt', 1e9).catch(say);`;
  const mount = 'mount -t tmpfs -o size=64k tmpfs /mnt';
  const [program, ...argv] = inOwnMounts(mount, [process.execPath, '--input-type=module', '--eval', script]);
  const lines = execFileSync(program, argv, { encoding: 'utf8' }).trimEnd().split('\n');
  assert.deepEqual(lines, [
    'no space left on /mnt while writing /mnt/f | df -h /mnt',
    '/mnt is mounted read-only; /mnt could not be written | mount -o remount,rw /mnt',
    '/mnt is mounted read-only; /mnt/a/b/c could not be written | mount -o remount,rw /mnt',
    '/mnt is mounted read-only; nothing was changed | mount -o remount,rw /mnt',
  ]);
});
