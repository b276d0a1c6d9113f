import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { readProperties } from '../host/database-properties.ts';
import { afterLoad, beforeLoad } from '../host/database-sql.ts';
import { writeDump } from '../host/dump-file.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { roomAt } from '../host/mounts.ts';
import { bootId, uptimeSeconds } from '../host/system.ts';
import { makeBackupFolder } from './backup_folder.ts';
import type { UpgradeContext } from './context.ts';
import { type RestoreFacts, restoreScript } from './restore_script.ts';

/** Beside the dump: what belongs to the database and not to its tables, and the program that puts all of it together again. */
export const restoreFiles = {
  before: 'before-load.sql',
  after: 'after-load.sql',
  script: 'restore.sh',
} as const;

const ownerOnly = { mode: 0o600 };

/** A whole dump in a folder of its own, with what a restore needs; its record for the state. */
export async function takeDump(ctx: UpgradeContext, io: StepIo): Promise<JsonObject> {
  const { product, database } = ctx;
  const { signal } = io;
  const databaseBytes = await database.databaseSizeBytes(signal);
  const schemaVersion = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  await assertRoomForDump(ctx, databaseBytes);
  const properties = await readProperties(database, signal);
  const deployments = await deploymentsOf(ctx);
  const folder = await folderFor(ctx, io);
  const before = await writeHashed(folder, restoreFiles.before, beforeLoad(properties));
  const after = await writeHashed(folder, restoreFiles.after, afterLoad(properties));
  const path = join(folder, product.database.dumpFile);
  const takenAt = ctx.now().toISOString();
  const note = `${product.database.name}, ${databaseBytes} bytes on disk`;
  const { sizeBytes, sha256, tables, totalRows } = await writeDump(database, path, {
    signal,
    onBytes: (done) => io.progress({ done, unit: 'bytes', note }),
  });
  const script = join(folder, restoreFiles.script);
  const text = restoreScript({
    product,
    k3s: ctx.k3s,
    release: ctx.from,
    installedBy: ctx.installedBy,
    takenAt,
    schemaVersion,
    files: { dump: [product.database.dumpFile, sha256], before, after },
    deployments,
  });
  await writeFileAtomic(script, text, { mode: 0o700 });
  return {
    folder,
    path,
    sizeBytes,
    sha256,
    rows: totalRows,
    owner: properties.database.owner,
    schemaVersion,
    takenAt,
    endedAt: ctx.now().toISOString(),
    boot: { id: bootId(), uptimeSeconds: uptimeSeconds() },
    tables: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])),
    restoreScript: script,
  };
}

async function writeHashed(folder: string, name: string, text: string): Promise<[string, string]> {
  await writeFileAtomic(join(folder, name), text, ownerOnly);
  return [name, createHash('sha256').update(text).digest('hex')];
}

type Deployment = KubeObject & {
  spec: {
    replicas?: number;
    selector?: { matchLabels?: Record<string, string> };
    template: {
      metadata?: { labels?: Record<string, string> };
      spec: { containers: { name: string; image: string }[] };
    };
  };
};

const pairs = (labels: Record<string, string> | undefined) =>
  Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);

/** All of the namespace's but the database: whatever works with it, whether the product's data names it or not. */
async function deploymentsOf({ kubectl, product }: UpgradeContext): Promise<RestoreFacts['deployments']> {
  const { namespace, database } = product;
  const found = await kubectl.list<Deployment>('deployments', { namespace });
  return found.flatMap(({ metadata, spec }) => {
    const labels = pairs(spec.template.metadata?.labels);
    if (database.selector.split(',').every((pair) => labels.includes(pair))) return [];
    const selector = pairs(spec.selector?.matchLabels).join(',');
    const { containers } = spec.template.spec;
    const images = containers.map(({ name, image }) => `${name}=${image} `).join('');
    return [{ name: metadata.name, selector, replicas: spec.replicas ?? 1, images }];
  });
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
