import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderState, switchFolders } from '../../../src/release/data-folders.ts';
import { asTold } from '../../fixtures/as-told.ts';

test('a switch of data folders tells where it is, ends from there, and refuses what somebody has moved', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'folders-'));
  t.after(() => rmSync(root, { recursive: true }));
  const names = {
    live: join(root, 'db'),
    incoming: join(root, 'db.pg17-new'),
    outgoing: join(root, 'db.pg15-then'),
    major: 17,
  };
  const data = (path: string, major: number) => {
    mkdirSync(join(path, 'pgdata'), { recursive: true });
    writeFileSync(join(path, 'pgdata/PG_VERSION'), `${major}\n`);
  };
  data(names.live, 15);
  data(names.incoming, 17);
  assert.equal(await folderState(names), 'before');
  renameSync(names.live, names.outgoing);
  assert.equal(await folderState(names), 'between');
  const passed: string[] = [];
  const io = { checkpoint: (name: string) => Promise.resolve(void passed.push(name)) };
  await switchFolders(names, io);
  assert.equal(await folderState(names), 'after');
  assert.deepEqual(passed, ['old-folder-aside']);
  await switchFolders(names, io);
  assert.deepEqual([existsSync(names.outgoing), existsSync(names.incoming)], [true, false]);
  // Somebody has put something into the place of what was moved.
  data(names.incoming, 16);
  await assert.rejects(folderState(names), (error: Error) => {
    assert.match(asTold(error.message), /not as they were left: .* there are .*db.*Nothing was changed/);
    return true;
  });
  rmSync(names.incoming, { recursive: true });
  writeFileSync(join(names.live, 'pgdata/PG_VERSION'), '15\n');
  await assert.rejects(switchFolders(names, io), /not as they were left/);
});
