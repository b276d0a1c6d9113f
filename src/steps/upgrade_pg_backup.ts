import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { writeDump } from '../host/dump-file.ts';
import { roomAt } from '../host/mounts.ts';
import { makeBackupFolder } from './backup_folder.ts';
import type { UpgradeContext } from './context.ts';

/** Of `pgDump` in the state: the dump of the database from before the upgrade. */
export const pgDumpSchema = z.looseObject({
  folder: z.string(),
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  rows: z.int(),
  /** Owner of the database, for the commands that restore it. */
  owner: z.string(),
  schemaVersion: z.int(),
  takenAt: z.string(),
});

export type PgDump = z.infer<typeof pgDumpSchema>;

const globalsFile = 'globals.sql';

/** Streams pg_dump out of the database's pod into a new backup folder: whole and proved, or not there. */
export const upgradePgBackup: Step<UpgradeContext> = {
  id: 'upgrade_pg_backup',
  title: 'Back the database up',
  needs: ['upgrade_detect'],
  midpoint: 'dump-written',
  revision: 1,
  inputs: ({ product, from }) => ({ database: product.database.name, from }),

  async plan({ product, paths, skipBackup }) {
    return skipBackup
      ? { action: 'skip', summary: 'skipped on request (--skip-backup): there is no dump of this upgrade' }
      : { action: 'run', summary: `dump ${product.database.name} into a new folder below ${paths.backups}` };
  },

  async run(ctx, io) {
    const { product, database } = ctx;
    const { signal } = io;
    const databaseBytes = await database.databaseSizeBytes(signal);
    const schemaVersion = await database.schemaVersion(product.database.schemaVersionQuery, signal);
    const owner = await ownerOf(ctx, signal);
    await assertRoomForDump(ctx, databaseBytes);
    const folder = await folderFor(ctx, io);
    const path = join(folder, product.database.dumpFile);
    const takenAt = ctx.now().toISOString();
    const note = `${product.database.name}, ${databaseBytes} bytes on disk`;
    const dumped = await writeDump(database, path, {
      signal,
      onBytes: (done) => io.progress({ done, unit: 'bytes', note }),
    });
    await io.midpoint();
    // Roles are the server's, not the database's: without them the dump's owners are unknown to an empty server.
    await writeFileAtomic(join(folder, globalsFile), await database.dumpGlobals(signal), { mode: 0o600 });
    const { sizeBytes, sha256, tables, totalRows: rows } = dumped;
    io.log(`${path}: ${sizeBytes} bytes, ${rows} rows in ${tables.length} tables, SHA-256 ${sha256}`);
    return {
      pgDump: {
        folder,
        path,
        sizeBytes,
        sha256,
        rows,
        owner,
        schemaVersion,
        takenAt,
        tables: Object.fromEntries(tables.map(({ table, rows: count }) => [table, count])),
      },
    };
  },

  async verify(ctx, out) {
    const { path, sizeBytes, takenAt } = pgDumpSchema.parse(out.pgDump);
    const info = await stat(path);
    if (info.size !== sizeBytes) throw new IvaapError('failed', `${path} has changed since it was written`);
    const ageMinutes = (ctx.now().getTime() - Date.parse(takenAt)) / 60_000;
    const { maxAgeMinutes } = ctx.product.backup;
    // Yesterday's dump is no backup of today. Where Helm has started already, the older one stays the anchor.
    if (ageMinutes > maxAgeMinutes) {
      throw new IvaapError('failed', `the dump is older than ${maxAgeMinutes} minutes`);
    }
  },
};

/** A plain-text dump is seldom larger than the database on disk; a full disk half-way would cost minutes. */
async function assertRoomForDump({ paths }: UpgradeContext, databaseBytes: number): Promise<void> {
  const { freeBytes, mountPoint } = await roomAt(paths.backups);
  if (databaseBytes <= freeBytes) return;
  throw new IvaapError(
    'failed',
    `the dump may need ${databaseBytes} bytes on ${mountPoint}, and ${freeBytes} are free`,
    { hint: `df -h ${mountPoint}` },
  );
}

/** A folder of an attempt that was cut off holds no dump yet and is used again; its `.partial` is written over. */
async function folderFor(ctx: UpgradeContext, io: StepIo): Promise<string> {
  const earlier = io.interrupted?.folder;
  if (typeof earlier === 'string' && !existsSync(join(earlier, ctx.product.database.dumpFile))) {
    await makeFolder(earlier, 0o700);
    return earlier;
  }
  const folder = await makeBackupFolder(ctx);
  await io.record({ folder });
  return folder;
}

async function ownerOf({ database, product }: UpgradeContext, signal: AbortSignal): Promise<string> {
  const rows = await database.query(
    'SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()',
    signal,
  );
  return rows[0]?.[0] ?? product.database.user;
}
