import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JsonObject } from '../../../src/engine/step.ts';
import {
  isSealed,
  makeBackupFolder,
  moveAside,
  sealedAt,
  sealFolders,
} from '../../../src/backup/backup-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'backup-folder-'));
const elsewhere = mkdtempSync('/dev/shm/backup-folder-');
after(() => {
  for (const folder of [root, elsewhere]) rmSync(folder, { recursive: true });
});

const recorded: JsonObject = {};
const warnings: string[] = [];
const io = {
  record: async (data: JsonObject) => void Object.assign(recorded, data),
  warn: (line: string) => void warnings.push(line),
};
const ctx = { paths: { backups: join(root, 'backups') }, now: () => new Date('2026-05-01T10:20:30Z') };

test('a known folder is used again until it is sealed, a new one after that; sealing may be repeated', async () => {
  const first = await makeBackupFolder(ctx as never, io);
  assert.equal(await makeBackupFolder(ctx as never, io, first), first);
  assert.equal(sealedAt(first), undefined);
  await sealFolders([first, first, join(root, 'gone')]);
  await sealFolders([first]);
  assert.equal(statSync(first).mode & 0o7777, 0o500);
  assert.deepEqual([isSealed(first), isSealed(join(root, 'gone'))], [true, false]);
  assert.ok(sealedAt(first));
  const second = await makeBackupFolder(ctx as never, io, first);
  assert.notEqual(second, first);
  assert.equal(recorded.folder, second);
});

for (const [what, place] of [
  ['the same file system', root],
  ['another one', elsewhere],
] as const) {
  test(`an edited folder is moved into a backup on ${what}, its place recorded before and reported after`, async () => {
    const chart = join(root, 'Chart');
    const backup = join(place, 'backup');
    mkdirSync(join(chart, 'templates'), { recursive: true });
    mkdirSync(backup);
    writeFileSync(join(chart, 'templates/a.yaml'), 'mine\n');
    const to = await moveAside(io, backup, chart);
    assert.equal(readFileSync(join(to, 'templates/a.yaml'), 'utf8'), 'mine\n');
    assert.equal(existsSync(chart), false);
    assert.equal(recorded.editedChart, to);
    assert.match(warnings.at(-1) ?? '', new RegExp(`kept as ${to}`));
  });
}
