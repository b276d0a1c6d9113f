import { existsSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import * as z from 'zod';
import { dropMoved, freeMovedName } from '../backup/moved-databases.ts';
import { loadBeside, type LoadedCopy } from '../backup/restore-copy.ts';
import { swapDatabases } from '../backup/swap-databases.ts';
import { newDataId } from '../backup/upgrade-results.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder } from '../host/atomic-file.ts';
import type { Postgres } from '../host/postgres.ts';
import { removeTree } from '../host/remove-tree.ts';
import { counted } from '../policy/counted.ts';
import type { PgDump } from '../backup/dump-record.ts';
import type { UpgradeContext } from '../release/context.ts';
import { majorInFolder } from '../release/kept-data.ts';
import { newFolderName } from '../release/aside-folders.ts';
import { othersFolder, removeNextServer, startNextServer } from '../release/next-server.ts';
import { upgradePgBackup } from './upgrade_pg_backup.ts';

const out = z.object({
  newData: z.object({
    folder: z.string(),
    major: z.int(),
    rows: z.int(),
    schemaVersion: z.int(),
    seconds: z.number(),
  }),
});

/**
 * Lets the new release's server make a data folder beside the live one, restores the dump there and proves
 * it, row by row. The live database is not touched; the new server has ended when this has.
 */
export const upgradePgLoad: Step<UpgradeContext, z.infer<typeof out>> = {
  id: newDataId,
  out,
  title: 'Restore into the new PostgreSQL',
  needs: [],
  revision: 1,
  inputs: ({ majorChange, payload }) => ({ majorChange, payload: payload.digest }),

  plan: async ({ majorChange, product }) => ({
    action: 'run',
    summary:
      `start PostgreSQL ${majorChange?.to ?? ''} on the new folder ` +
      `${majorChange === undefined ? '' : newFolderName(majorChange.folder, majorChange.to)}, restore the ` +
      `dump of ${product.database.name} there, and compare every row`,
  }),

  async run(ctx, io) {
    const { majorChange, product } = ctx;
    const dump = io.result(upgradePgBackup)?.pgDump;
    if (majorChange === undefined || dump === undefined)
      throw new IvaapError('bug', 'there is nothing to load');
    const { signal } = io;
    const folder = newFolderName(majorChange.folder, majorChange.to);
    const { to: major } = majorChange;
    await removeNextServer(ctx, signal);
    // Only what an earlier attempt of this step has made: it is half of a copy.
    const isOwn = io.interrupted?.newFolder === folder || ctx.run()?.steps[newDataId]?.earlier !== undefined;
    if (existsSync(folder) && !isOwn) throw othersFolder(folder);
    await io.record({ newFolder: folder });
    await removeTree(folder);
    await makeFolder(folder, 0o700);
    await chown(folder, product.database.volume.uid, product.database.volume.gid);
    await io.checkpoint('folder-made');
    try {
      const server = await startNextServer(ctx, { folder, major }, signal);
      await io.checkpoint('server-started');
      const total = dump.sizeBytes;
      const onBytes = (done: number) => io.progress({ done, total, unit: 'bytes', note: dump.path });
      const { name, rows, schemaVersion, seconds } = await load(ctx, server, dump, { signal, onBytes });
      io.tell({ type: 'dump.restored', path: dump.path, sha256: dump.sha256, into: name });
      await io.checkpoint('loaded');
      await removeNextServer(ctx, signal);
      io.log(`${folder}: PostgreSQL ${major}, ${counted(rows, 'row')}, every table is as in the dump`);
      return { newData: { folder, major, rows, schemaVersion, seconds } };
    } catch (error) {
      // What failed is the news; the next attempt removes what this one cannot.
      await removeNextServer(ctx)
        .then(() => removeTree(folder))
        .catch(() => {});
      throw error;
    }
  },

  async verify(_ctx, { newData: { folder, major } }) {
    if ((await majorInFolder(folder)) === major) return;
    throw new IvaapError('failed', `${folder} is not a data folder of PostgreSQL ${major}`);
  },
};

/** Beside the empty database that the image has made, whose name it gets. */
async function load(
  ctx: UpgradeContext,
  database: Postgres,
  dump: PgDump,
  options: { signal: AbortSignal; onBytes: (done: number) => void },
): Promise<LoadedCopy> {
  const { signal } = options;
  const there = { ...ctx, database };
  const loaded = await loadBeside(there, dump, { ...options, schemaVersion: dump.schemaVersion });
  const outgoing = await freeMovedName(there, ctx.now(), signal);
  await swapDatabases(there, {
    incoming: loaded.name,
    outgoing,
    endSessions: true,
    folder: dump.folder,
    signal,
  });
  await dropMoved(there, outgoing, signal);
  return loaded;
}
