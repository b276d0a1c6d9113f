import { chmod, chown, lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { ifMissing } from '../host/if-missing.ts';
import { makeFolder } from '../host/atomic-file.ts';
import { moveTree } from '../host/move-tree.ts';
import { removeTree } from '../host/remove-tree.ts';
import { isMountPoint, mountPointsBelow } from '../host/mounts.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { foreignData } from '../release/foreign-data.ts';
import { removeMadeParents } from '../release/found-folder.ts';
import { keptDataPath } from '../release/kept-data.ts';
import { refuseWorking, removedFolder } from '../release/removed-folder.ts';
import { wholeLastDump } from '../release/last-dump.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { uninstallBackups } from './uninstall_backups.ts';

const out = z.object({ removedData: z.array(z.string()) });

/**
 * Removes the database's folder, and takes what was put aside beside it to what is kept. Crosses no mount and
 * follows no link.
 */
export const uninstallData: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_data',
  out,
  title: 'Remove the data',
  needs: [uninstallBackups.id],
  revision: 1,
  inputs: ({ found, choices: { keepData } }) => ({ folder: found.storagePath ?? null, keepData }),

  async plan(ctx) {
    const { choices, found } = ctx;
    const folder = removedFolder(found);
    const aside = found.putAside.map(({ path }) => path);
    const all = [...(folder === undefined ? [] : [folder]), ...aside].join(', ');
    if (all === '') return { action: 'skip', summary: 'there is no data folder' };
    if (choices.keepData) return { action: 'skip', summary: `${all}: kept (--keep-data)` };
    const moved = aside.length > 0 && movesAside(ctx) ? `move ${aside.join(', ')} to ${choices.dumpTo}` : '';
    const deleted = moved === '' ? all : (folder ?? '');
    const texts = [moved, ...(deleted === '' ? [] : [`delete ${deleted}`])];
    return { action: 'run', summary: texts.filter((text) => text !== '').join(', and ') };
  },

  async preview({ found: { storagePath, data, putAside, heldByOthers } }) {
    const stays = heldByOthers
      ? 'stays, since its volume has no label of this installer: '
      : data.target === undefined
        ? ''
        : `stays, since it is a link to ${data.target}: `;
    const folder = storagePath === undefined ? [] : [storagePath];
    return {
      details: [
        ...folder.map(
          (path) => stays + (data.there ? `${path}, ${formatBytes(data.bytes)}` : `${path} is not there`),
        ),
        ...putAside.map(({ path, bytes, words }) => `${path}, ${formatBytes(bytes)}, ${words}`),
      ],
      data: { folders: [...folder, ...putAside.map(({ path }) => path)], bytes: data.bytes },
    };
  },

  async run(ctx, io) {
    const { found, product, choices } = ctx;
    const { before } = found;
    const folder = removedFolder(found);
    const aside = found.putAside;
    const removed: string[] = [];
    for (const path of [...(folder === undefined ? [] : [folder]), ...aside.map((one) => one.path)]) {
      if (!(await isFolder(path))) continue;
      assertUnused(path, ctx);
      if (path === folder) await assertDumped(path, ctx);
    }
    for (const { path, words } of aside) {
      io.signal.throwIfAborted();
      const to = join(choices.dumpTo, basename(path));
      if (!movesAside(ctx)) await removeTree(path);
      else if (await isFolder(path)) {
        await moveTree(path, to);
        io.log(`${path}, ${words}, is ${to} now`);
      }
      removed.push(path);
    }
    io.signal.throwIfAborted();
    if (folder === undefined) return { removedData: removed };
    const isAsBefore = before?.path === folder;
    if (await isFolder(folder)) {
      for (const path of await foreignData(folder, product.database.volume.uid)) {
        io.signal.throwIfAborted();
        const to = join(keptForeignData(choices.dumpTo), relative(folder, path));
        await makeFolder(dirname(to), 0o700);
        await moveTree(path, to);
        io.log(`${path}, which the database did not write, is ${to} now`);
      }
      await (isAsBefore || isMountPoint(folder) ? emptyFolder(folder) : removeTree(folder));
      if (isAsBefore) {
        await chown(folder, before.uid, before.gid);
        await chmod(folder, before.mode);
      }
      removed.push(folder);
    }
    await removeTree(keptDataPath(folder));
    if (!isAsBefore) await removeMadeParents(folder, before?.path ?? product.folder);
    return { removedData: removed };
  },
};

/** Where in what is kept the files lie that others have put into the data folder. */
const keptForeignData = (dumpTo: string): string => join(dumpTo, 'in-data-folder');

/** No last dump has what was put aside: who wants no dump wants none of them either. */
const movesAside = ({ agreedAt }: UninstallContext): boolean => agreedAt === undefined;

/** Throws `failed` where there are data, and neither a whole dump nor the operator's word. */
async function assertDumped(folder: string, ctx: UninstallContext): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== 'lost+found');
  if (names.length === 0 || (await wholeLastDump(ctx)) !== undefined || ctx.agreedAt !== undefined) return;
  throw new IvaapError(
    'failed',
    `there is no last dump of the data in ${folder}, which were not there when this uninstall began`,
    {
      hint:
        `to keep them: ${asRoot(`mv ${shellWord(folder)} ${shellWord(`${folder}.kept`)}`)}; ` +
        `then: ${ctx.again()}\n` +
        `To remove them without a dump: ${ctx.again({ add: ['--skip-backup'] })}`,
    },
  );
}

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
      hint: `${asRoot(`umount ${shellWord(mounted)}`)}; then: ${again()}`,
    });
  }
  refuseWorking('failed', folder, again());
}
