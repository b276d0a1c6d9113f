import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { makeFolder, openAtomic, writeFileAtomic, writeStreamAtomic } from '../../../src/host/atomic-file.ts';
import { copyTreeDurable } from '../../../src/host/copy-tree.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

describe('atomic files', () => {
  it('replace a file with exactly the mode asked for', async () => {
    const path = join(folder, 'state.json');
    writeFileSync(path, 'old', { mode: 0o644 });
    await writeFileAtomic(path, 'new', { mode: 0o600 });
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['state.json']);
  });

  it('leave the old file and nothing else when the source fails', async () => {
    const path = join(folder, 'dump.sql');
    writeFileSync(path, 'old');
    async function* failing() {
      yield Buffer.from('half');
      throw new IvaapError('failed', 'the pod went away');
    }
    await assert.rejects(writeStreamAtomic(path, failing(), { mode: 0o600 }), /the pod went away/);
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['dump.sql']);
  });

  it('leave a folder alone that is called like what a dead writer left', async () => {
    const path = join(folder, 'file');
    mkdirSync(join(folder, '.file.4194999-00c0ffee.partial/mine'), { recursive: true });
    symlinkSync('/nowhere', join(folder, '.file.4194999-00c0ffef.partial'));
    writeFileSync(join(folder, '.file.4194999-00c0fff0.partial'), 'left');
    await writeFileAtomic(path, 'new', { mode: 0o600 });
    const names = ['.file.4194999-00c0ffee.partial', '.file.4194999-00c0ffef.partial', 'file'];
    assert.deepEqual(readdirSync(folder).sort(), names);
  });

  it('are given to their owner before the first byte', async () => {
    const path = join(folder, 'file');
    const file = await openAtomic(path, { mode: 0o640, uid: 1234, gid: 4321 });
    const { uid, gid } = statSync(file.temporaryPath);
    await file.discard();
    assert.deepEqual([uid, gid, readdirSync(folder).length], [1234, 4321, 0]);
  });

  it('give a stream its name only after it was verified', async () => {
    const path = join(folder, 'file');
    const refuse = () => {
      throw new IvaapError('payload', 'damaged');
    };
    await assert.rejects(
      writeStreamAtomic(path, pieces('a', 'b'), { mode: 0o600, verify: refuse }),
      /damaged/,
    );
    assert.deepEqual(readdirSync(folder), []);
    const written = await writeStreamAtomic(path, pieces('a', 'b'), { mode: 0o640 });
    assert.deepEqual(written, {
      sizeBytes: 2,
      sha256: 'fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603',
    });
  });

  it('never write through a link that waits at the temporary name', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    const temporaryPath = join(folder, 'x.partial');
    symlinkSync(victim, temporaryPath);
    await writeFileAtomic(join(folder, 'x'), 'mine', { mode: 0o600, temporaryPath });
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.equal(readFileSync(join(folder, 'x'), 'utf8'), 'mine');
  });

  it('replace a link instead of what it leads to', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(folder, 'x'));
    await writeFileAtomic(join(folder, 'x'), 'mine', { mode: 0o600 });
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.ok(lstatSync(join(folder, 'x')).isFile());
  });

  it("clear away what a dead writer left, and keep a living one's", async () => {
    const path = join(folder, 'x');
    writeFileSync(join(folder, '.x.4194305-0123abcd.partial'), 'left');
    writeFileSync(join(folder, `.x.${process.ppid}-0123abcd.partial`), 'under way');
    const file = await openAtomic(path, { mode: 0o600 });
    await file.discard();
    assert.deepEqual(readdirSync(folder), [`.x.${process.ppid}-0123abcd.partial`]);
  });

  it('say which folder is missing', async () => {
    await assert.rejects(
      writeFileAtomic(join(folder, 'no/such'), '', { mode: 0o600 }),
      (error: IvaapError) => {
        assert.equal(error.hint, `mkdir -p ${join(folder, 'no')}`);
        return error instanceof IvaapError;
      },
    );
  });

  it('copy a complete tree, and refuse to mix it with an existing one', async () => {
    const from = join(folder, 'chart');
    mkdirSync(join(from, 'templates'), { recursive: true });
    writeFileSync(join(from, 'templates/a.yaml'), 'a', { mode: 0o640 });
    symlinkSync('a.yaml', join(from, 'templates/b.yaml'));
    const to = join(folder, 'copy');
    await copyTreeDurable(from, to);
    assert.equal(readFileSync(join(to, 'templates/b.yaml'), 'utf8'), 'a');
    assert.ok(lstatSync(join(to, 'templates/b.yaml')).isSymbolicLink());
    assert.equal(statSync(join(to, 'templates/a.yaml')).mode & 0o777, 0o640);
    await assert.rejects(copyTreeDurable(from, to), /already exists/);
  });

  it('make folders with the requested mode, under any umask', async () => {
    await makeFolder(join(folder, 'a/b'), 0o700);
    assert.equal(statSync(join(folder, 'a/b')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o755);
  });
});
