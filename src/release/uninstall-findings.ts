import { lstat, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { backupsIn } from '../backup/backup-record.ts';
import type { PgDump } from '../backup/dump-record.ts';
import { leftBy } from '../backup/scratch-name.ts';
import type { State } from '../engine/state.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import { type DatabaseSize, databaseSize } from '../host/database-size.ts';
import { readReleaseRecords } from '../host/helm-record.ts';
import { resolvedPath } from '../host/mounts.ts';
import { readRegularText } from '../host/regular-file.ts';
import { treeBytes } from '../host/tree-size.ts';
import { type Known, known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { foreignData } from './foreign-data.ts';
import { type FoundFolder, foundFolderSchema, foundIn } from './found-folder.ts';
import { classVolume } from './database-volume.ts';
import { unmarkedImages } from './let-go-images.ts';
import { dumpOfRollback } from './last-dump.ts';
import { ourFiles } from './our-files.ts';
import { ourImages } from './our-images.ts';
import { namespaceContents, ourLabels, type OwnedVolume, volumeOwner } from './ours.ts';
import type { ProductPaths } from './product-paths.ts';
import type { UninstallCluster, UninstallFindings } from './uninstall-context.ts';

interface Place {
  product: Product;
  paths: ProductPaths;
  cluster: UninstallCluster | undefined;
  isStopped: Known<boolean>;
  /** Of {@link letGoNames}. */
  letGo: readonly string[];
  signal: AbortSignal;
}

export const leftOut = { known: false, why: 'the cluster is left out (--without-cluster)' } as const;

/** Reads the host and asks the cluster what there is to remove; changes nothing. */
export async function uninstallFindings(place: Place, recorded: RecordedFolder): Promise<UninstallFindings> {
  const { product, paths, cluster, isStopped, letGo, signal } = place;
  const ask = <T>(question: (of: UninstallCluster) => Promise<Known<T>>): Promise<Known<T>> =>
    cluster === undefined ? Promise.resolve(leftOut) : question(cluster);
  const [release, contents, volume, ofClass, images, unmarked, definitions] = await Promise.all([
    ask((of) => known(releaseText(of, product, signal))),
    ask(({ kubectl }) => namespaceContents(kubectl, product, signal)),
    ask(({ kubectl }) => volumeOwner(kubectl, product, signal)),
    ask(({ kubectl }) => classVolume(kubectl, product, signal)),
    ask((of) => ourImages(of, product, signal)),
    ask(({ containerd }) => known(unmarkedImages(containerd, letGo, product.name))),
    ask((of) => known(definitionsOf(of, paths, signal))),
  ]);
  const ofVolume = volume.known ? pathOfOurs(volume.value, product) : undefined;
  const inRecord = await dataAt(recorded.storagePath);
  // Somebody has moved the data, and the volume with them.
  const storagePath = inRecord.there ? recorded.storagePath : (ofVolume ?? recorded.storagePath);
  const data = storagePath === recorded.storagePath ? inRecord : await dataAt(storagePath);
  const { movedFrom } = recorded;
  const files = await ourFiles(product, paths, { storagePath, movedFrom });
  const { claim } = product.database.volume;
  const hasClaim = !contents.known || contents.value.objects.some(({ name }) => name === claim);
  // A folder that is missing or empty may be that of a disk which is not mounted.
  const neverWas = data.empty && (recorded.neverStarted === true || !hasClaim);
  const database = neverWas
    ? ({ known: true, value: null } as const)
    : await ask((of) => known(databaseOf(of, product, signal)));
  const mayStillRun = (database.known && database.value !== null) || (isStopped.known && !isStopped.value);
  return {
    release,
    contents,
    keepsNamespace: recorded.keepsNamespace === true,
    namespaceLabels: recorded.namespaceLabels ?? Object.keys(ourLabels(product)),
    volume,
    classVolume: ofClass,
    storagePath,
    volumePath: isSamePath(ofVolume, storagePath) ? undefined : ofVolume,
    movedFrom,
    heldByOthers: volume.known && volume.value?.ours === false && isSamePath(volume.value.path, storagePath),
    before: recorded.before,
    data,
    database,
    isStopped,
    rollbackDump: mayStillRun ? undefined : recorded.rollbackDump,
    files,
    putAside: await Promise.all(
      files.aside.map(async (one) => ({ ...one, bytes: await treeBytes(one.path) })),
    ),
    foreignData: await Promise.all(
      (storagePath === undefined ? [] : await foreignData(storagePath, product.database.volume.uid)).map(
        async (path) => ({ path, bytes: await treeBytes(path) }),
      ),
    ),
    backups: { ...(await backupsIn(paths.backups, product.name)), bytes: await treeBytes(paths.backups) },
    images,
    unmarkedImages: unmarked,
    definitions,
  };
}

async function releaseText(
  { kubectl }: UninstallCluster,
  { namespace, release }: Product,
  signal: AbortSignal,
): Promise<string | null> {
  const last = (await readReleaseRecords(kubectl, { namespace, release, signal })).at(-1);
  if (last === undefined) return null;
  return `${last.content?.version ?? 'version not readable'}, revision ${last.revision}, ${last.status}`;
}

const pathOfOurs = (volume: OwnedVolume | null, { namespace, database }: Product) =>
  volume?.ours === true && volume.claim === `${namespace}/${database.volume.claim}` ? volume.path : undefined;

const recordedVolume = z.object({ storagePath: z.string(), found: foundFolderSchema.optional() });
const recordedAnswers = z.object({ storagePath: z.string() });

/** What the state, or an uninstall that has begun, says of the data folder. */
export interface RecordedFolder {
  storagePath?: string | undefined;
  before?: FoundFolder | undefined;
  movedFrom?: string | undefined;
  keepsNamespace?: boolean | undefined;
  namespaceLabels?: readonly string[] | undefined;
  /** Helm was never started: there has been no database. */
  neverStarted?: boolean | undefined;
  rollbackDump?: PgDump | undefined;
}

/**
 * The data folder that the state names: once a step has found that it may have it, never before. Empty where
 * the state does not say.
 */
export function recordedStorage(
  state: Pick<State, 'installed' | 'run' | 'suspended' | 'derived'>,
  isStopped: Known<boolean>,
): RecordedFolder {
  const { installed, run, suspended, derived } = state;
  const neverStarted =
    installed === undefined && [run, suspended].every((one) => one?.pointOfNoReturn === undefined);
  // A rollback has put the data aside: they are beside the folder that they were in, which may be another's.
  const movedFrom = z.object({ from: z.string() }).safeParse(derived.removedData).data?.from;
  const keepsNamespace =
    derived.madeNamespace === false ||
    [run, suspended].some((one) => one?.originals?.madeNamespace === false);
  const namespaceLabels = [derived, run?.originals, suspended?.originals]
    .map((one) => z.array(z.string()).safeParse(one?.namespaceLabels).data)
    .find((keys) => keys !== undefined);
  const rollbackDump = dumpOfRollback(state, isStopped);
  const common = { movedFrom, neverStarted, keepsNamespace, namespaceLabels, rollbackDump };
  const volume = recordedVolume.safeParse(derived.volume).data;
  if (volume !== undefined) return { ...common, storagePath: volume.storagePath, before: volume.found };
  const begun = foundFolderSchema.safeParse((suspended ?? run)?.steps['postgres']?.recorded?.found).data;
  const answers = recordedAnswers.safeParse(derived.answers).data;
  if (answers === undefined) return common;
  // A run that was closed by another left it as an original.
  const before = begun ?? foundIn((suspended ?? run)?.originals, answers.storagePath);
  return before === undefined ? common : { ...common, storagePath: answers.storagePath, before };
}

const isSamePath = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && resolvedPath(resolve(one)) === resolvedPath(resolve(other));

async function dataAt(path: string | undefined): Promise<UninstallFindings['data']> {
  if (path === undefined) return { there: false, empty: true, bytes: 0, target: undefined };
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const isLink = names !== undefined && (await lstat(path)).isSymbolicLink();
  const target = isLink ? resolvedPath(path) : undefined;
  const bytes = names === undefined ? 0 : await treeBytes(target ?? path);
  return { there: names !== undefined, empty: (names ?? []).length === 0, bytes, target };
}

async function databaseOf(
  { database }: UninstallCluster,
  product: Product,
  signal: AbortSignal,
): Promise<DatabaseSize & { schema: number; others: string[] }> {
  const others = await otherDatabases(database, signal);
  return {
    others: others.filter((name) => [undefined, 'moved'].includes(leftBy(name))),
    ...(await databaseSize(database, signal)),
    schema: await database.schemaVersion(product.database.schemaVersionQuery, signal),
  };
}

/** What the chart's `crds/` defines and the cluster has: Helm never deletes it. */
async function definitionsOf(
  { kubectl }: UninstallCluster,
  { chart }: ProductPaths,
  signal: AbortSignal,
): Promise<string[]> {
  const folder = join(chart, 'crds');
  const files = await readdir(folder).catch((): string[] => []);
  const names = new Set<string>();
  for (const file of files.filter((one) => /\.ya?ml$/.test(one))) {
    const text = await readRegularText(join(folder, file));
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as { metadata?: { name?: unknown } } | null;
      if (typeof object?.metadata?.name === 'string') names.add(object.metadata.name);
    }
  }
  if (names.size === 0) return [];
  const there = await kubectl.list('customresourcedefinitions', { signal });
  return there.map(({ metadata }) => metadata.name).filter((name) => names.has(name));
}
