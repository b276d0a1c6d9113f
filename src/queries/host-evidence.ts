import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { foreign } from '../foreign.ts';
import { type ReleaseRecord, readReleaseRecords } from '../host/helm-record.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { missingMount, type ToldMount } from '../host/missing-mount.ts';
import { isMountPoint } from '../host/mounts.ts';
import { type ChartFacts, chartFacts } from '../release/chart-tree.ts';
import type { ClaimVolume } from '../host/claim-volume.ts';
import { databaseVolume } from '../release/database-volume.ts';
import { type EndedUninstall, endedUninstalls } from '../release/ended-uninstalls.ts';
import { hasOurLabels } from '../release/ours.ts';
import { type Backup, listBackups, type StateCopy, stateCopies } from './backups.ts';
import { type Known, mapKnown } from '../known.ts';
import { knownAsRoot } from './as-root.ts';
import type { HostTools } from '../session/host-tools.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';

/** What the host shows of an installation, independent of its state. */
export interface HostEvidence {
  folder: {
    path: string;
    /** Whether it has no entries. */
    isFolder: boolean;
    /** Also where there is none. */
    empty: boolean;
    mounted: boolean;
    /** What the host is told to mount on its path, or at the folder itself, and is not mounted now. */
    missingMount: ToldMount | undefined;
  };
  /** Whether the namespace has this installer's labels; null where there is none. */
  namespace: Known<boolean | null>;
  /** The database's volume; null where there is none. */
  volume: Known<{ name: string; ours: boolean; path: string | undefined; there: boolean } | null>;
  /** Helm's records of the release, oldest first. */
  records: Known<ReleaseRecord[]>;
  /** Workloads with the release's annotation. */
  workloads: Known<string[]>;
  chart: ChartFacts | undefined;
  backups: Known<Backup[]>;
  /** Newest first. */
  copies: StateCopy[];
  /** The last uninstall, where it left out the cluster and nothing of ours was made there since. */
  uninstalled: EndedUninstall | undefined;
}

/**
 * Reads the host and queries the cluster; changes nothing. `host` has the tools for that, or why there are
 * none. `dumpTo`: the folder of an earlier uninstall, where it is not beside the product's.
 */
export async function hostEvidence(
  opened: OpenedPayload,
  host: Known<Pick<HostTools, 'kubectl'>>,
  signal: AbortSignal,
  dumpTo?: string,
): Promise<HostEvidence> {
  const { product, paths } = opened;
  const { namespace, release } = product;
  const ask = <T>(question: (kubectl: HostTools['kubectl']) => Promise<T>): Promise<Known<T>> =>
    host.known ? knownAsRoot(() => question(host.value.kubectl)) : Promise.resolve(host);
  const backups = await knownAsRoot(() => listBackups(paths.backups));
  // One query first: without an answer, each further one would wait for its own timeout.
  const found = await ask((kubectl) => kubectl.get('namespace', namespace, { signal }));
  const further: typeof ask = found.known ? ask : () => Promise.resolve(found);
  const [volume, records, workloads] = await Promise.all([
    further((kubectl) => databaseVolume(kubectl, product, signal)),
    further((kubectl) => readReleaseRecords(kubectl, { namespace, release, signal })),
    further((kubectl) => kubectl.list('deployments,statefulsets,daemonsets', { namespace, signal })),
  ]);
  const [last] = await endedUninstalls(product, dumpTo);
  const made = [found, mapKnown(volume, (one) => one.volume)];
  const isOlder = made.every((one) => one.known && !isMadeSince(one.value, last?.endedAt ?? ''));
  const copies = backups.known ? await stateCopies(opened, backups.value) : [];
  return {
    folder: await folderFacts(paths.folder),
    namespace: mapKnown(found, (one) => (one === undefined ? null : hasOurLabels(one, product))),
    volume: mapKnown(volume, (found) => volumeFacts(found, product)),
    records,
    workloads: mapKnown(workloads, (objects) =>
      objects
        .filter(({ metadata }) => metadata.annotations?.['meta.helm.sh/release-name'] === release)
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ),
    chart: await chartFacts(paths.chart),
    backups,
    copies,
    uninstalled: last?.withoutCluster === true && isOlder && copies.length === 0 ? last : undefined,
  };
}

const isMadeSince = (object: KubeObject | undefined, at: string): boolean =>
  Date.parse(object?.metadata.creationTimestamp ?? '') > Date.parse(at);

/** A volume that a StorageClass made has no label of ours: the claim has them. */
function volumeFacts(
  { claim, name, volume, path }: ClaimVolume,
  product: OpenedPayload['product'],
): { name: string; ours: boolean; path: string | undefined; there: boolean } | null {
  if (volume === undefined) return null;
  const labelled = name === product.database.volume.persistentVolume ? volume : claim;
  const ours = labelled !== undefined && hasOurLabels(labelled, product);
  return { name, ours, path, there: path !== undefined && existsSync(path) };
}

async function folderFacts(path: string): Promise<HostEvidence['folder']> {
  const names = await readdir(path).catch(() => undefined);
  return {
    path,
    isFolder: names !== undefined,
    empty: (names ?? []).length === 0,
    mounted: isMountPoint(path),
    missingMount: await missingMount(path),
  };
}

/** What most likely happened to the state. */
export type Likely =
  /** The disk that holds the product's folder is not mounted. */
  | 'unmounted'
  /** An uninstall has left out the cluster, and that still has what it held. */
  | 'uninstalled'
  /** This installer made the installation. */
  | 'ours'
  /** Something runs here that this installer did not make. */
  | 'foreign'
  | 'nothing'
  /** The cluster could not be queried. */
  | 'unknown';

export function likely(evidence: HostEvidence): Likely {
  const { folder, namespace, volume, records, copies } = evidence;
  if (folder.missingMount !== undefined) return 'unmounted';
  const holds =
    (namespace.known && namespace.value === true) ||
    (volume.known && volume.value?.ours === true) ||
    (records.known && records.value.length > 0);
  if (evidence.uninstalled !== undefined && holds) return 'uninstalled';
  const ourVolume = volume.known && volume.value?.ours === true ? volume.value : undefined;
  const below = ourVolume?.path?.startsWith(`${folder.path}/`) === true;
  if (below && ourVolume?.there === false && copies.length === 0) return 'unmounted';
  if (isMarked(evidence) || copies.length > 0) return 'ours';
  if (!namespace.known || !volume.known || !records.known) return 'unknown';
  return records.value.length > 0 ? 'foreign' : 'nothing';
}

/** Whether namespace and volume have this installer's labels. */
export const isMarked = ({ namespace, volume }: HostEvidence): boolean =>
  namespace.known && namespace.value === true && volume.known && volume.value?.ours === true;

/** The evidence as text, a line each. */
export function evidenceLines(evidence: HostEvidence, { product }: Pick<OpenedPayload, 'product'>): string[] {
  const { folder, namespace, volume, records, chart, backups } = evidence;
  const line = <T>(what: string, asked: Known<T>, words: (value: T) => string) =>
    `${what}: ${asked.known ? words(asked.value) : `not known: ${asked.why}`}`;
  const made = (ours: boolean) => (ours ? 'made by this installer' : 'not made by this installer');
  const volumeName =
    (volume.known ? volume.value?.name : undefined) ?? product.database.volume.persistentVolume;
  const mount = folder.mounted
    ? 'mounted'
    : folder.missingMount === undefined
      ? 'no mount of its own'
      : `${folder.missingMount.toldIn} mounts ${folder.missingMount.point}, which is not mounted`;
  return [
    `folder ${folder.path}: ${!folder.isFolder ? 'does not exist, ' : folder.empty ? 'empty, ' : ''}${mount}`,
    line(`namespace ${product.namespace}`, namespace, (ours) => (ours === null ? 'missing' : made(ours))),
    line(`volume ${volumeName}`, volume, (found) => {
      if (found === null) return 'missing';
      const gone = found.there ? '' : ', which does not exist';
      return `${made(found.ours)}${found.path === undefined ? '' : `, data in ${found.path}${gone}`}`;
    }),
    line(`Helm release ${product.release}`, records, (all) => describeRelease(all.at(-1))),
    `chart on disk: ${chart === undefined ? 'none' : foreign(`${chart.name} ${chart.version}`)}`,
    line('newest backup', backups, (all) => {
      const newest = all.findLast(({ trouble }) => trouble === undefined);
      return newest === undefined ? 'none' : `${newest.folder} (${newest.files.join(', ')})`;
    }),
  ];
}

/** `2026.1, revision 3, deployed`. */
export function describeRelease(record: ReleaseRecord | undefined): string {
  if (record === undefined) return 'none';
  const { revision, status, content } = record;
  return (
    `${content === undefined ? 'version not readable' : foreign(content.version)}, ` +
    `revision ${revision}, ${status}`
  );
}
