import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { backupsIn } from '../../../src/backup/backup-record.ts';

test('only a folder that is not there holds no backups: one that cannot be listed is an error', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'backups-'));
  t.after(() => rmSync(root, { recursive: true }));
  assert.deepEqual(await backupsIn(join(root, 'none'), 'Tiny'), { names: [], others: [] });
  mkdirSync(join(root, 'backups/20260131T235959Z'), { recursive: true });
  mkdirSync(join(root, 'backups/mine'));
  const found = { names: ['20260131T235959Z'], others: ['mine'] };
  assert.deepEqual(await backupsIn(join(root, 'backups'), 'Tiny'), found);
  writeFileSync(join(root, 'file'), '');
  await assert.rejects(backupsIn(join(root, 'file'), 'Tiny'), { code: 'ENOTDIR' });
});
