import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UninstallContext } from '../../../src/release/uninstall-context.ts';
import { uninstallFiles } from '../../../src/steps/uninstall_files.ts';

test('what is moved is named as moved, and the data stand in the plan of their own step alone', async () => {
  const names = ['.installer/backups', '.installer/logs', '.installer/state.json', '.installer/tools'];
  const ours = [...names, 'core.tgz', 'postgres', 'postgres.kept.json', 'values.yaml'];
  const paths = {
    folder: '/opt/x',
    installer: '/opt/x/.installer',
    state: '/opt/x/.installer/state.json',
    backups: '/opt/x/.installer/backups',
    values: '/opt/x/values.yaml',
    overlay: '/opt/x/.installer/values.overlay.yaml',
    chart: '/opt/x/chart',
  };
  const found = {
    storagePath: '/opt/x/postgres',
    files: { ours: ours.map((name) => `/opt/x/${name}`), foreign: ['/opt/x/notes'] },
  };
  const detailsOf = async (deleteBackups: boolean) => {
    const ctx = { found, paths, choices: { dumpTo: '/opt/x-last', deleteBackups } };
    return (await uninstallFiles.preview?.(ctx as unknown as UninstallContext, {} as never))?.details;
  };
  assert.deepEqual(await detailsOf(false), [
    'moved to /opt/x-last: .installer/backups, .installer/logs, .installer/state.json',
    'deleted, with a copy there: values.yaml',
    'deleted: .installer/tools, core.tgz',
    'stays: /opt/x/notes, which is not ours',
  ]);
  assert.match((await detailsOf(true))?.join() ?? '', /deleted: \.installer\/backups, /);
});
