import { known } from '../known.ts';
import { DiskReserve } from '../host/reserve.ts';
import { roomAt } from '../host/mounts.ts';
import { wantedArchives } from '../images/wanted.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { isBelow } from '../host/below.ts';
import { judgeRoom, type RoomNeed } from '../policy/room.ts';
import { newDatabaseBytes } from '../release/storage-folder.ts';
import { dumpResult, helmResult, newDataId, switchId } from '../backup/upgrade-results.ts';
import { hasCompleted, lastResult } from '../backup/step-results.ts';
import { whyDumpIsStale } from '../backup/stale-dump.ts';
import type { Check } from './check.ts';
import type { CheckContext, UpgradeCheckContext } from './context.ts';
import type { HostFacts } from './facts.ts';

/** Records, logs and copies of a run, and what a few new pods need. */
const runFiles = 200;
/** Files of images are smaller on average: below this estimate inodes are certainly missing. */
const bytesAFile = 65_536;

export const room: Check = {
  id: 'room',
  kind: 'guard',
  title: 'Free space per file system',
  limit:
    "the product's limits or what is really missing (image layers and their unpacked size, dump, " +
    'archives), whichever is more; for a resumed run what is still missing; inodes for what is ' +
    'missing',
  why: 'a disk that fills up during the run stops database and cluster',
  fix: 'free some space (df -h), or use a larger disk',
  timeoutSeconds: 90,
  flows: ['install', 'upgrade'],
  measure: roomPerFileSystem,
};

/** The product's limits for a new run, and what is really missing for any run. */
async function roomPerFileSystem(ctx: CheckContext, facts: HostFacts): Promise<Measurement[]> {
  const { room } = ctx.product.requirements[ctx.flow];
  const dump = ctx.flow === 'upgrade' && !ctx.skipBackup;
  // A resumed run has used its space already: only what is still missing counts.
  const floors: RoomNeed[] = ctx.resumed
    ? []
    : [...room.map(({ path, freeBytes, why }) => ({ path, bytes: freeBytes, why })), ...newDatabase(ctx)];
  const missing = [
    ...(await missingImages(facts)),
    ...missingFiles(ctx),
    ...(dump ? await expectedDump(ctx, facts) : []),
    ...(ctx.flow === 'upgrade' ? await secondDataFolder(ctx, facts) : []),
  ];
  const measured = await Promise.all(
    [...new Set([...floors, ...missing].map(({ path }) => path))].map(async (path) => {
      const { device, mountPoint, freeBytes, freeFiles } = await roomAt(path);
      return { path, fileSystem: device, mountPoint, freeBytes, freeFiles };
    }),
  );
  return judgeRoom(floors, missing, measured);
}

/** A folder that no limit of the product covers has one of its own. */
function newDatabase(ctx: CheckContext): RoomNeed[] {
  if (ctx.flow !== 'install' || ctx.storageClass !== undefined) return [];
  const { product, storagePath } = ctx;
  const { room } = product.requirements.install;
  if (room.some(({ path }) => isBelow(storagePath, path))) return [];
  return [{ path: storagePath, bytes: newDatabaseBytes(product.database), why: 'a new database' }];
}

async function missingImages(facts: HostFacts): Promise<RoomNeed[]> {
  const [{ missingBytes, unpackedBytes }, path] = await Promise.all([
    facts.missingImages(),
    facts.imageStore(),
  ]);
  return [
    { path, bytes: missingBytes, why: 'image layers that are missing' },
    {
      path,
      bytes: unpackedBytes,
      files: runFiles + Math.ceil(unpackedBytes / bytesAFile),
      why: 'the same unpacked',
    },
  ];
}

/** The chart next to the old one, and archives that are written again next to those that they replace. */
function missingFiles({ product, index, paths, entitlements, refreshArchives }: CheckContext): RoomNeed[] {
  const chart = index.entries.filter(({ name }) => name.startsWith(`${product.chart.folder}/`));
  const wanted = wantedArchives(product, entitlements);
  const archives = refreshArchives ? index.archives.filter(({ name }) => wanted.includes(name)) : [];
  const total = (files: readonly { size: number }[]) => files.reduce((sum, { size }) => sum + size, 0);
  return [
    { path: paths.folder, bytes: total(chart), files: runFiles + chart.length, why: 'chart' },
    { path: paths.folder, bytes: total(archives), why: 'archives written again' },
  ];
}

/** Of another major version of PostgreSQL, beside the live one. */
async function secondDataFolder(ctx: UpgradeCheckContext, facts: HostFacts): Promise<RoomNeed[]> {
  const { majorChange } = ctx;
  const isThere = [newDataId, switchId].some((id) => hasCompleted(ctx.run(), { id }));
  if (majorChange === undefined || (ctx.resumed && isThere)) return [];
  const asked = await known(facts.database());
  const bytes = (asked.known ? asked.value.sizeBytes : 0) + newDatabaseBytes(ctx.product.database);
  return [{ path: majorChange.folder, bytes, why: `a second data folder, for PostgreSQL ${majorChange.to}` }];
}

async function expectedDump(ctx: CheckContext, facts: HostFacts): Promise<RoomNeed[]> {
  if (ctx.resumed && hasUsableDump(ctx)) return [];
  const path = ctx.paths.backups;
  const { keptBytes } = await DiskReserve.at(path, ctx.product.reserve);
  const kept = { path, bytes: keptBytes, why: 'reserved for the database and the cluster' };
  const estimate = await facts.dumpBytes();
  if (estimate.known) return [{ path, bytes: estimate.value, why: 'dump, about' }, kept];
  // A database that does not answer is another check's failure; the dump stops by itself before it uses
  // reserved space.
  const onDisk = await known(facts.database());
  const bytes = onDisk.known ? onDisk.value.sizeBytes : 0;
  return [{ path, bytes, why: 'dump: size not known, so the size of the database on disk' }, kept];
}

/** After Helm has completed no dump is taken again, either. */
function hasUsableDump(ctx: CheckContext): boolean {
  const run = ctx.run();
  if (hasCompleted(run, helmResult)) return true;
  const dump = lastResult(run, dumpResult)?.pgDump;
  return hasCompleted(run, dumpResult) && dump !== undefined && whyDumpIsStale(ctx, dump) === undefined;
}
