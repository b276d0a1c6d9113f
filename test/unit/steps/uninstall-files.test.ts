import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UninstallContext } from '../../../src/release/uninstall-context.ts';
import { uninstallFiles } from '../../../src/steps/uninstall_files.ts';

test('the data stand in the plan of their own step alone', async () => {
  const ours = ['/opt/x/chart', '/opt/x/postgres', '/opt/x/postgres.kept.json', '/opt/x/values.yaml'];
  const found = { storagePath: '/opt/x/postgres', files: { ours, foreign: ['/opt/x/notes'] } };
  const preview = await uninstallFiles.preview?.({ found } as unknown as UninstallContext, {} as never);
  assert.deepEqual(preview?.details, [
    '/opt/x/chart',
    '/opt/x/values.yaml',
    'stays: /opt/x/notes, which is not ours',
  ]);
});
