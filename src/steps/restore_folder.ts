import { existsSync } from 'node:fs';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { RestoreContext } from '../release/context.ts';
import {
  asideFolder,
  type FolderNames,
  folderState,
  recordedNames,
  switchFolders,
} from '../release/data-folders.ts';
import { haltDatabase } from '../release/halt.ts';
import { majorInFolder } from '../release/kept-data.ts';
import { keptFolderName } from '../release/aside-folders.ts';
import { removeNextServer } from '../release/next-server.ts';
import { refuseWorking } from '../release/removed-folder.ts';
import { folderId } from '../release/restore-record.ts';

const out = z.object({
  /** The folder that was live; null where none was. */
  movedFolder: asideFolder.nullable(),
});

/** Puts a data folder of another major version of PostgreSQL back into its place; the live one is kept. */
export const restoreFolder: Step<RestoreContext, z.infer<typeof out>> = {
  id: folderId,
  out,
  title: 'Switch the data folders',
  needs: [],
  revision: 1,
  inputs: ({ target: { folder } }) => ({ folder }),

  plan: async ({ target: { folder } }) => ({
    action: 'run',
    summary:
      `stop the database, keep ${folder?.live ?? ''} beside it under another name, and put ` +
      `${folder?.path ?? ''} (PostgreSQL ${folder?.major ?? ''}) in its place`,
  }),

  async run(ctx, io) {
    const { target, product, kubectl, run, now, again } = ctx;
    const { folder } = target;
    if (folder === null) throw new IvaapError('bug', 'there is no data folder to bring back');
    const { path: incoming, live, major } = folder;
    const recorded = recordedNames(run(), folderId);
    const was = io.interrupted?.majorNow;
    const majorNow = typeof was === 'number' ? was : ((await majorInFolder(live)) ?? 0);
    const names: FolderNames = recorded ?? {
      live,
      incoming,
      outgoing: keptFolderName(live, majorNow === 0 ? undefined : majorNow, now()),
      major,
    };
    await io.record({ folders: { ...names }, majorNow });
    await io.checkpoint('named');
    await removeNextServer(ctx, io.signal);
    await haltDatabase({ kubectl, product, signal: io.signal }, { by: 'restore', say: io.log });
    await io.checkpoint('database-stopped');
    for (const one of [live, incoming]) if (existsSync(one)) refuseWorking('failed', one, again());
    const { outgoing } = names;
    if (existsSync(live) && existsSync(incoming)) {
      const { version } = target.before;
      await ctx.recordDataFolder({ path: outgoing, live, major: majorNow, version });
    }
    await switchFolders(names, io);
    const moved = existsSync(outgoing) ? { path: outgoing, live, major: majorNow } : null;
    io.log(
      `${live} holds the data of PostgreSQL ${major}; those from before are ${moved?.path ?? 'nowhere'}`,
    );
    return { movedFolder: moved };
  },

  async verify({ run }) {
    const names = recordedNames(run(), folderId);
    if (names === undefined || (await folderState(names)) === 'after') return;
    throw new IvaapError('failed', `${names.live} does not hold the data of PostgreSQL ${names.major}`);
  },
};
