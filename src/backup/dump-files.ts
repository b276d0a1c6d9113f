import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import { estimateDump } from '../host/dump-estimate.ts';
import { DiskReserve } from '../host/reserve.ts';
import { readMoment } from '../host/table-rows.ts';
import { type Known, known } from '../known.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { readSchemaFingerprint } from '../host/schema-fingerprint.ts';
import { readProperties } from '../host/database-properties.ts';
import { afterLoad, beforeLoad } from '../host/database-sql.ts';
import { type DumpFileOptions, writeDump, type WrittenDump } from '../host/dump-file.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { roomAt } from '../host/mounts.ts';
import { type Compression, packedSuffix } from '../host/packed-file.ts';
import { bootId, uptimeSeconds } from '../host/system.ts';
import { type BackupPlace, keepFile, makeBackupFolder } from './backup-folder.ts';
import type { PgDump } from './dump-record.ts';
import { reportingLockHolders } from './dump-wait.ts';
import type { UpgradeContext } from '../release/context.ts';
import { type RestoreFacts, restoreScript } from './restore-script.ts';
import { leftBy } from './scratch-name.ts';
import { shellWord } from '../shell-word.ts';

/**
 * Files next to the dump: what belongs to the database but not to its tables, and the script that restores
 * all of it.
 */
export const restoreFiles = {
  before: 'before-load.sql',
  after: 'after-load.sql',
  script: 'restore.sh',
} as const;

/** Roles and settings of the whole server. */
export const globalsFile = 'globals.sql';

/**
 * Printed wherever the dump is named: an operator who takes the server for one database would lose the data
 * in the others. What a restore of ours left there is this database's own past, and is called that.
 */
export function notDumped(others: readonly string[]): string {
  const left = {
    'other databases of the same server': others.filter((name) => leftBy(name) === undefined),
    'moved aside by a restore': others.filter((name) => leftBy(name) === 'moved'),
    'unfinished copies of a restore': others.filter((name) => leftBy(name) === 'restore'),
    'copies of a run that was killed': others.filter((name) => isScratch(leftBy(name))),
  };
  const named = Object.entries(left).filter(([, names]) => names.length > 0);
  return `not dumped, ${named.map(([what, names]) => `${what}: ${foreign(names.join(', '))}`).join('; ')}`;
}

const isScratch = (kind: ReturnType<typeof leftBy>) => kind === 'verify' || kind === 'rehearsal';

/** What a dump needs of a flow: `paths.backups` is where its folder is made. */
export interface DumpContext extends Pick<
  UpgradeContext,
  'product' | 'database' | 'kubectl' | 'k3s' | 'installedBy' | 'now'
> {
  /** The release of the data; null: not known. */
  from: string | null;
  paths: BackupPlace;
  /** The dump is plain text unless it is given. */
  compress?: Compression | undefined;
}

/** Of the dump in its folder. */
const dumpName = ({ product, compress }: Pick<DumpContext, 'product' | 'compress'>): string =>
  product.database.dumpFile + (compress === undefined ? '' : packedSuffix[compress]);

/** What a dump needs of a step, or of whoever takes one without a run. */
export type DumpIo = Pick<StepIo, 'signal' | 'record' | 'interrupted' | 'progress' | 'warn'>;

/** A complete dump in its own folder, with what a restore needs; returns its record for the state. */
export async function takeDump(ctx: DumpContext, io: DumpIo): Promise<PgDump> {
  const { product, database } = ctx;
  const { signal } = io;
  const schemaVersion = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  const fingerprint = await known(readSchemaFingerprint(database, signal));
  const start = await roomForDump(ctx, ctx.paths.backups, signal, ctx.compress);
  const others = await known(otherDatabases(database, signal));
  const moment = await known(readMoment(database, signal));
  const properties = await readProperties(database, signal);
  const workloads = await workloadsOf(ctx);
  const folder = await folderFor(ctx, io);
  const before = await writeHashed(folder, restoreFiles.before, beforeLoad(properties));
  const after = await writeHashed(folder, restoreFiles.after, afterLoad(properties));
  const name = dumpName(ctx);
  const path = join(folder, name);
  const takenAt = ctx.now().toISOString();
  const script = join(folder, restoreFiles.script);
  // Before the dump has its name: a dump that is found has all that belongs to it.
  const keepBeside = async ({ sha256, textBytes }: WrittenDump) => {
    const text = restoreScript({
      product,
      k3s: ctx.k3s,
      release: ctx.from ?? 'unknown',
      installedBy: ctx.installedBy,
      takenAt,
      schemaVersion,
      files: { dump: [name, sha256], before, after },
      compress: ctx.compress,
      textBytes,
      sizeBytes: properties.database.sizeBytes,
      workloads,
    });
    await keepFile(folder, restoreFiles.script, text, 0o700);
    // Roles belong to the server, not to the database: without them an empty server does not know the owners.
    await keepFile(folder, globalsFile, await database.dumpGlobals(signal));
  };
  const options = { compress: ctx.compress, beforeName: keepBeside };
  const written = await dumpInto(ctx, io, path, start, options);
  const { sizeBytes, sha256, textBytes, tables, totalRows } = written;
  return {
    folder,
    path,
    sizeBytes,
    sha256,
    ...(ctx.compress !== undefined && { textBytes }),
    rows: totalRows,
    owner: properties.database.owner,
    schemaVersion,
    // Without its marks: a dump is recorded several times.
    ...(fingerprint.known ? { schemaFingerprint: { ...fingerprint.value, marks: undefined } } : {}),
    takenAt,
    endedAt: ctx.now().toISOString(),
    boot: { id: bootId(), uptimeSeconds: uptimeSeconds() },
    tables: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])),
    ...(moment.known ? { moment: moment.value } : {}),
    restoreScript: script,
    installedBy: ctx.installedBy,
    ...(others.known && others.value.length > 0 ? { otherDatabases: others.value } : {}),
  };
}

/** A dump that has room: measured before the first byte, and while it is written. */
export interface DumpStart {
  estimate: Known<number>;
  reserve: DiskReserve;
}

/**
 * Throws 'failed' where the disk of `folder` has no room for the dump beside the reserve. What a packed one
 * will need is not known.
 */
export async function roomForDump(
  { product, database }: Pick<UpgradeContext, 'product' | 'database'>,
  folder: string,
  signal: AbortSignal,
  compress?: Compression,
): Promise<DumpStart> {
  const reserve = await DiskReserve.at(folder, product.reserve);
  const estimate = await known(estimateDump(database, signal));
  await assertRoomForDump(folder, compress === undefined ? estimate : packedSize, reserve);
  return { estimate, reserve };
}

/** Writes the dump, which appears under its name verified and complete, and reports who keeps it waiting. */
export function dumpInto(
  ctx: Pick<UpgradeContext, 'product' | 'database'>,
  io: Pick<StepIo, 'signal' | 'progress' | 'warn'>,
  path: string,
  { estimate, reserve }: DumpStart,
  options: Pick<DumpFileOptions, 'fresh' | 'beforeName' | 'compress'> = {},
): Promise<WrittenDump> {
  const size = estimate.known ? `about ${formatBytes(estimate.value)}` : 'size unknown';
  const note = `${ctx.product.database.name}, ${size}`;
  let written = 0;
  const write = () =>
    writeDump(ctx.database, path, {
      ...options,
      signal: io.signal,
      reserve,
      onBytes: (done) => {
        written = done;
        io.progress({ done, unit: 'bytes', note });
      },
    });
  return reportingLockHolders(ctx, io, () => written, write);
}

async function writeHashed(folder: string, name: string, text: string): Promise<[string, string]> {
  await keepFile(folder, name, text);
  return [name, createHash('sha256').update(text).digest('hex')];
}

interface Template {
  metadata?: { labels?: Record<string, string> };
  spec: { containers: { name: string; image: string }[] };
}

type Workload = KubeObject & {
  spec: { replicas?: number; template?: Template; jobTemplate?: { spec: { template: Template } } };
};

/**
 * All workloads of the namespace that can be halted, except the database, whether the product's data names
 * them or not.
 */
async function workloadsOf({ kubectl, product }: DumpContext): Promise<RestoreFacts['workloads']> {
  const { namespace, database } = product;
  const found = await kubectl.list<Workload>('deployments,statefulsets,cronjobs', { namespace });
  return found.flatMap(({ kind, metadata, spec }) => {
    const template = spec.template ?? spec.jobTemplate?.spec.template;
    const labels = Object.entries(template?.metadata?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
    if (database.selector.split(',').every((pair) => labels.includes(pair))) return [];
    const images = (template?.spec.containers ?? []).map(({ name, image }) => `${name}=${image} `).join('');
    const replicas = kind === 'CronJob' ? undefined : (spec.replicas ?? 1);
    return [{ id: `${kind}/${metadata.name}`, replicas, images }];
  });
}

const packedSize: Known<number> = { known: false, why: 'it is packed' };

/** An unknown size is no reason to refuse: the dump stops by itself before it uses reserved space. */
async function assertRoomForDump(
  folder: string,
  estimate: Known<number>,
  { keptBytes }: DiskReserve,
): Promise<void> {
  const { freeBytes, mountPoint } = await roomAt(folder);
  const needed = (estimate.known ? estimate.value : 0) + keptBytes;
  if (needed <= freeBytes) return;
  const dump = estimate.known
    ? `about ${formatBytes(estimate.value)} for the dump`
    : 'an unknown size for the dump';
  throw new IvaapError(
    'failed',
    `not enough free space for the dump on ${mountPoint}: ${formatBytes(freeBytes)} are ` +
      `free; needed are ${dump} and ${formatBytes(keptBytes)} reserved for the database`,
    { hint: `free some space (df -h ${shellWord(mountPoint)}), then run the same command again` },
  );
}

/**
 * The folder of an attempt that was interrupted before its dump was complete is used again; a complete dump
 * is never overwritten.
 */
async function folderFor(ctx: DumpContext, io: DumpIo): Promise<string> {
  const earlier = io.interrupted?.folder;
  const reused = typeof earlier === 'string' && !existsSync(join(earlier, dumpName(ctx)));
  return makeBackupFolder(ctx, io, reused ? earlier : undefined);
}
