import { chmod, chown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { ifMissing } from '../host/if-missing.ts';
import { removeTree } from '../host/move-tree.ts';
import { isMountPoint, mountPointsBelow } from '../host/mounts.ts';
import { processesIn } from '../host/processes.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { removeMadeParents } from '../release/found-folder.ts';
import { keptDataPath } from '../release/kept-data.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { shellWord } from '../shell-word.ts';
import { uninstallObjects } from './uninstall_objects.ts';

const out = z.object({ removedData: z.array(z.string()) });

/**
 * Removes the database's folder, and what rollbacks put aside beside it. Crosses no mount and follows no
 * link.
 */
export const uninstallData: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_data',
  out,
  title: 'Remove the data',
  needs: [uninstallObjects.id],
  revision: 1,
  inputs: ({ found, choices: { keepData } }) => ({ folder: found.storagePath ?? null, keepData }),

  async plan({ choices, found: { storagePath } }) {
    if (storagePath === undefined) return { action: 'skip', summary: 'there is no data folder' };
    if (choices.keepData) return { action: 'skip', summary: `${storagePath} is kept (--keep-data)` };
    return { action: 'run', summary: `delete ${storagePath}` };
  },

  async preview({ found: { storagePath = '', data, files, volume } }) {
    const folders = [storagePath, ...files.removedData];
    const bytes = formatBytes(data.bytes);
    const isOthers = volume.known && volume.value !== null && !volume.value.ours;
    return {
      details: [
        data.there ? `${storagePath}, ${bytes}` : `${storagePath} is not there`,
        ...files.removedData.map((path) => `${path}, put aside by a rollback`),
        ...(isOthers ? ['stays: its volume has no label of this installer'] : []),
      ],
      data: { folders, bytes: data.bytes },
    };
  },

  async run(ctx, io) {
    const { found, product } = ctx;
    const { storagePath } = found;
    if (storagePath === undefined) return { removedData: [] };
    const { before } = found;
    const isAsBefore = before?.path === storagePath;
    const removed: string[] = [];
    for (const folder of [storagePath, ...found.files.removedData]) {
      io.signal.throwIfAborted();
      if (!(await isFolder(folder))) continue;
      assertUnused(folder, ctx);
      const stays = (folder === storagePath && isAsBefore) || isMountPoint(folder);
      await (stays ? emptyFolder(folder) : removeTree(folder));
      if (folder === storagePath && isAsBefore) {
        await chown(folder, before.uid, before.gid);
        await chmod(folder, before.mode);
      }
      removed.push(folder);
    }
    await removeTree(keptDataPath(storagePath));
    if (!isAsBefore) await removeMadeParents(storagePath, before?.path ?? product.folder);
    return { removedData: removed };
  },
};

async function isFolder(path: string): Promise<boolean> {
  const info = await lstat(path).catch(ifMissing);
  return info?.isDirectory() === true;
}

/** A folder that was there before, or on which a disk is mounted, stays as it was then: empty. */
async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    // Made with the file system.
    if (name !== 'lost+found') await removeTree(join(folder, name));
  }
}

/** Throws `failed` while anything works in the folder, or is mounted below it. */
function assertUnused(folder: string, { again }: UninstallContext): void {
  const [mounted] = mountPointsBelow(folder);
  if (mounted !== undefined) {
    throw new IvaapError('failed', `a file system is mounted in the data folder, at ${mounted}`, {
      hint: `umount ${shellWord(mounted)}; then: ${again()}`,
    });
  }
  const [user] = processesIn(folder);
  if (user === undefined) return;
  throw new IvaapError(
    'failed',
    `the process ${user.pid} (${foreign(user.argv[0] ?? '')}) still works in ${folder}: its data are not ` +
      'removed',
    { hint: `systemctl stop k3s; k3s-killall.sh; then: ${again()}` },
  );
}
