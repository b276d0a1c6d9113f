import { existsSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Json, JsonObject, Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { writeDump } from '../host/dump-file.ts';
import { roomAt } from '../host/mounts.ts';
import { bootId, uptimeSeconds } from '../host/system.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { makeBackupFolder } from './backup_folder.ts';
import type { UpgradeContext } from './context.ts';
import { isDeployed } from './helm_state.ts';

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
  /** The same by the machine's own count, which no change of the clock moves. */
  boot: z.looseObject({ id: z.string(), uptimeSeconds: z.number() }).optional(),
  tables: z.record(z.string(), z.int()).optional(),
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

  async preview({ product, database, paths }, signal) {
    const [sizeBytes, server, schema] = await Promise.all([
      database.databaseSizeBytes(signal),
      database.serverVersion(signal),
      database.schemaVersion(product.database.schemaVersionQuery, signal),
    ]);
    const size = formatBytes(sizeBytes);
    const { name, dumpFile } = product.database;
    return {
      brief: `dump of ${name}, at most ${size}, below ${paths.backups}`,
      details: [
        `at most ${size} (the database's size on disk), PostgreSQL ${server}, schema version ${schema}`,
        `files: ${dumpFile}, ${globalsFile}`,
      ],
      data: {
        database: name,
        sizeBytes,
        serverVersion: server,
        schemaVersion: schema,
        below: paths.backups,
        files: [dumpFile, globalsFile],
      },
    };
  },

  async run(ctx, io) {
    const { database } = ctx;
    const { signal } = io;
    const pgDump = wholeDump(ctx, io) ?? (await takeDump(ctx, io));
    await io.record({ pgDump });
    await io.midpoint();
    // Roles are the server's, not the database's: without them the dump's owners are unknown to an empty server.
    const { folder, path, sizeBytes, sha256, rows } = pgDumpSchema.parse(pgDump);
    const globals = join(folder, globalsFile);
    await writeFileAtomic(globals, await database.dumpGlobals(signal), { mode: 0o600 });
    io.log(`${path}: ${sizeBytes} bytes, ${rows} rows, SHA-256 ${sha256}`);
    return { pgDump };
  },

  async verify(_ctx, out) {
    const { folder, path, sizeBytes } = pgDumpSchema.parse(out.pgDump);
    const info = await stat(path);
    if (info.size !== sizeBytes) throw new IvaapError('failed', `${path} has changed since it was written`);
    await stat(join(folder, globalsFile));
  },

  async reuse(ctx, out) {
    const why = uselessness(ctx, pgDumpSchema.parse(out.pgDump));
    // Where Helm has completed, nothing runs again that a dump is for.
    if (why !== undefined && !(await releaseStands(ctx))) throw new IvaapError('failed', why);
  },
};

/**
 * Why a whole dump is no backup of what is there now. Once Helm has started it is the one from before, which stays as it is: another
 * one is taken beside it.
 */
export function uselessness(
  { product, run, now }: Pick<UpgradeContext, 'product' | 'run' | 'now'>,
  dump: PgDump,
): string | undefined {
  if (run()?.noReturnAt !== undefined) return 'Helm has started since it was taken';
  const { maxAgeMinutes } = product.backup;
  const age = ageMinutes(dump, now());
  if (age < 0) return `the clock says that it was taken ${Math.ceil(-age)} minutes from now`;
  return age > maxAgeMinutes ? `it is older than ${maxAgeMinutes} minutes` : undefined;
}

/** Negative when the clock was set back behind its time. Within one boot the clock cannot make it younger than it is. */
export function ageMinutes(dump: Pick<PgDump, 'takenAt' | 'boot'>, now: Date): number {
  const byClock = (now.getTime() - Date.parse(dump.takenAt)) / 60_000;
  if (byClock < 0 || dump.boot?.id !== bootId()) return byClock;
  return Math.max(byClock, (uptimeSeconds() - dump.boot.uptimeSeconds) / 60);
}

/** The dump of an attempt that was cut off after it: whole under its name, recorded, and as young as one must be. */
function wholeDump(ctx: UpgradeContext, io: StepIo): Json | undefined {
  const recorded = io.interrupted?.pgDump;
  const { success, data } = pgDumpSchema.safeParse(recorded);
  if (!success || uselessness(ctx, data) !== undefined) return undefined;
  if (statSync(data.path, { throwIfNoEntry: false })?.size !== data.sizeBytes) return undefined;
  io.log(`${data.path} is whole: an earlier attempt was cut off after it`);
  return recorded;
}

/** Whether Helm has completed in this run, with the values as they are, and the release is what it left. */
async function releaseStands({ run, helm, values, to }: UpgradeContext): Promise<boolean> {
  const record = run()?.steps['upgrade_helm'];
  const { helm: done } = z
    .looseObject({ helm: z.looseObject({ values: z.string() }).optional() })
    .parse(record?.out ?? {});
  if (record?.status !== 'completed' || done?.values !== values.sha256) return false;
  return isDeployed(await helm.current(), to);
}

async function takeDump(ctx: UpgradeContext, io: StepIo): Promise<JsonObject> {
  const { product, database } = ctx;
  const { signal } = io;
  const databaseBytes = await database.databaseSizeBytes(signal);
  const schemaVersion = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  const owner = await ownerOf(ctx, signal);
  await assertRoomForDump(ctx, databaseBytes);
  const folder = await folderFor(ctx, io);
  const path = join(folder, product.database.dumpFile);
  const takenAt = ctx.now().toISOString();
  const boot = { id: bootId(), uptimeSeconds: uptimeSeconds() };
  const note = `${product.database.name}, ${databaseBytes} bytes on disk`;
  const { sizeBytes, sha256, tables, totalRows } = await writeDump(database, path, {
    signal,
    onBytes: (done) => io.progress({ done, unit: 'bytes', note }),
  });
  return {
    folder,
    path,
    sizeBytes,
    sha256,
    rows: totalRows,
    owner,
    schemaVersion,
    takenAt,
    boot,
    tables: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])),
  };
}

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

/** The folder of an attempt that was cut off before its dump was whole is used again; a whole dump is never written over. */
async function folderFor(ctx: UpgradeContext, io: StepIo): Promise<string> {
  const earlier = io.interrupted?.folder;
  const reused = typeof earlier === 'string' && !existsSync(join(earlier, ctx.product.database.dumpFile));
  return makeBackupFolder(ctx, io, reused ? earlier : undefined);
}

async function ownerOf({ database, product }: UpgradeContext, signal: AbortSignal): Promise<string> {
  const rows = await database.query(
    'SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()',
    signal,
  );
  return rows[0]?.[0] ?? product.database.user;
}
