import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { assertSafePath } from '../../../src/host/safe-path.ts';

// Below root's own folders: that everybody may write in /tmp is just what is refused.
const root = '/var/lib';

describe('a safe path', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(root, 'safe-path-test-'));
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'data/file'), '');
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is root's all the way, links followed to their end", async () => {
    symlinkSync('data', join(folder, 'link'));
    assert.equal(await assertSafePath(join(folder, 'link/file')), join(folder, 'data/file'));
  });

  it('may end in parts that do not exist yet, when asked so', async () => {
    const path = join(folder, 'data/new/deeper');
    await assert.rejects(assertSafePath(path), /cannot be read/);
    assert.equal(await assertSafePath(path, { mayBeMissing: true }), path);
  });

  it('has no component that others can write', async () => {
    mkdirSync(join(folder, 'open'));
    chmodSync(join(folder, 'open'), 0o777);
    await assert.rejects(
      assertSafePath(join(folder, 'open/x'), { mayBeMissing: true }),
      (error: { hint: string }) => {
        assert.equal(error.hint, `chmod go-w ${join(folder, 'open')}`);
        return true;
      },
    );
  });

  it('does not tell to close what is meant for everybody, nor to take from others what is theirs', async () => {
    mkdirSync(join(folder, 'shared'));
    chmodSync(join(folder, 'shared'), 0o1777);
    mkdirSync(join(folder, 'database/x'), { recursive: true });
    chownSync(join(folder, 'database'), 999, 999);
    const hintOf = (path: string, isChosen: boolean) =>
      assertSafePath(path, { mayBeMissing: true, isChosen }).then(
        () => undefined,
        (error: { hint: string }) => error.hint,
      );
    const elsewhere = (path: string) =>
      `name a path that only root can change, all the way; who owns what: namei -l ${path}`;
    for (const path of ['/tmp/dumps', '/dev/shm', join(folder, 'shared/x')]) {
      assert.equal(await hintOf(path, false), elsewhere(path));
      assert.equal(await hintOf(path, true), elsewhere(path));
    }
    const theirs = join(folder, 'database/x');
    assert.equal(await hintOf(theirs, true), elsewhere(theirs));
    assert.equal(await hintOf(theirs, false), `chown -h root ${join(folder, 'database')}`);
  });

  it("has no component and no link of another user's", async () => {
    mkdirSync(join(folder, 'theirs'));
    chownSync(join(folder, 'theirs'), 1000, 0);
    await assert.rejects(assertSafePath(join(folder, 'theirs')), /belongs to user 1000/);
    symlinkSync('data', join(folder, 'their-link'));
    lchownSync(join(folder, 'their-link'), 1000, 0);
    await assert.rejects(assertSafePath(join(folder, 'their-link/file')), /belongs to user 1000/);
  });

  it('does not run in circles', async () => {
    symlinkSync('circle', join(folder, 'circle'));
    await assert.rejects(assertSafePath(join(folder, 'circle')), /too many links/);
  });
});
