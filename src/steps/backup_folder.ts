import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StepIo } from '../engine/step.ts';
import { makeFolder } from '../host/atomic-file.ts';
import type { StepContext } from './context.ts';

/** `20260131T235959Z`: sorts by time and needs no quoting in a shell. */
function backupStamp(now: Date): string {
  return now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

/**
 * Makes a new folder, 0700, that no earlier backup has: what an earlier run kept is never written into again. Recorded before it is
 * made, so that an attempt that is cut off leaves none that nobody knows; `known` is such a folder.
 */
export async function makeBackupFolder(
  ctx: Pick<StepContext, 'paths' | 'now'>,
  io: Pick<StepIo, 'record'>,
  known?: string,
): Promise<string> {
  const stamp = backupStamp(ctx.now());
  let folder = known ?? join(ctx.paths.backups, stamp);
  if (known === undefined) {
    for (let count = 2; existsSync(folder); count += 1) folder = join(ctx.paths.backups, `${stamp}-${count}`);
  }
  await io.record({ folder });
  await makeFolder(ctx.paths.backups, 0o700);
  await makeFolder(folder, 0o700);
  return folder;
}
