import { gunzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';
import { run } from '../lab/process.ts';
import { executable } from './executables.ts';
import type { TestHost } from './host.ts';

/** What an upgrade leaves behind, seen from outside and without any code of the product. */
export interface Effects {
  /** SHA-256 by path below the product's folder; the database's own files are left out. */
  files: Record<string, string>;
  /** Names in containerd, and where they lead. */
  images: Record<string, string>;
  /** Digests in containerd's content store. */
  blobs: Record<string, true>;
  /** Uids of the pods, by the value of their label `app`. */
  pods: Record<string, string[]>;
  /** The objects of the newest revision of Helm's that is deployed. */
  objects: Record<string, Record<string, unknown>>;
  revision: number;
  schema: number;
}

interface HelmSecret {
  data: { release: string };
}
interface HelmRelease {
  version: number;
  manifest: string;
  info: { status: string };
}

export async function effectsOn(host: TestHost): Promise<Effects> {
  const sums = await host.shell(
    `cd /opt/ivaap; find . -path ./postgres -prune -o -type f -print0 | xargs -0 sha256sum`,
  );
  const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');
  const images = (await host.k3s('ctr', 'images', 'list')).stdout;
  const content = (await host.k3s('ctr', 'content', 'ls')).stdout;
  const { items: pods } = await host.getJson<{
    items: { metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string } }[];
  }>('pods');
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const byApp = Map.groupBy(living, ({ metadata }) => metadata.labels.app ?? '');
  const { items: secrets } = await host.getJson<{ items: HelmSecret[] }>(
    'secret',
    '-l',
    'owner=helm,name=ivaap',
  );
  const releases = secrets.map(({ data }) => {
    const packed = Buffer.from(Buffer.from(data.release, 'base64').toString(), 'base64');
    return JSON.parse(gunzipSync(packed).toString()) as HelmRelease;
  });
  const deployed = releases.find(({ info }) => info.status === 'deployed');
  const objects = parseAllDocuments(deployed?.manifest ?? '')
    .map((document) => document.toJS() as { kind: string; metadata: { name: string } } | null)
    .filter((object) => object !== null);
  return {
    files: Object.fromEntries(
      lines(sums.stdout).map((line) => [line.slice(66).replace(/^\.\//, ''), line.slice(0, 64)]),
    ),
    images: Object.fromEntries(
      lines(images)
        .slice(1)
        .map((line) => line.split(/\s+/))
        .map(([name = '', , digest = '']) => [name, digest]),
    ),
    blobs: Object.fromEntries(
      lines(content)
        .slice(1)
        .map((line) => line.split(/\s+/))
        .map(([digest = '']) => [digest, true]),
    ),
    pods: Object.fromEntries(
      [...byApp].map(([app, of]) => [app, of.map(({ metadata }) => metadata.uid).sort()]),
    ),
    objects: Object.fromEntries(
      objects.map((object) => [
        `${object.kind}/${object.metadata.name}`,
        object as unknown as Record<string, unknown>,
      ]),
    ),
    revision: deployed?.version ?? 0,
    schema: await host.schemaVersion(),
  };
}

/** Keys whose value is another one, or there in only one of the two. */
export function changedKeys(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])).sort();
}

export const newKeys = (before: object, after: object): string[] =>
  Object.keys(after)
    .filter((key) => !(key in before))
    .sort();

/** Every single value of an object by its path; items of a list by their mount path or name. */
export function leaves(value: unknown, path = ''): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return { [path]: value };
  const entries = Array.isArray(value)
    ? value.map((item, place): [string, unknown] => [`${path}[${nameOf(item, value) ?? place}]`, item])
    : Object.entries(value).map(([key, member]): [string, unknown] => {
        if (/[./]/.test(key)) return [`${path}[${key}]`, member];
        return [path === '' ? key : `${path}.${key}`, member];
      });
  return Object.assign({}, ...entries.map(([at, member]) => leaves(member, at))) as Record<string, unknown>;
}

function nameOf(item: unknown, list: unknown[]): string | undefined {
  for (const key of ['mountPath', 'name']) {
    const names = list.map((one) => (one as Record<string, unknown> | null)?.[key]);
    if (new Set(names).size === list.length && names.every((name) => typeof name === 'string'))
      return (item as Record<string, string>)[key];
  }
  return undefined;
}

/** Sizes of all blobs of a release's images, read from the executable by a zip tool of somebody else's. */
export async function releaseBlobs(version: string): Promise<Map<string, number>> {
  const index = JSON.parse(await run('unzip', ['-p', await executable(version), 'index.json'])) as {
    images: { manifest: Blob; config: Blob; layers: Blob[] }[];
  };
  const blobs = index.images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
  return new Map(blobs.map(({ digest, size }) => [digest, size]));
}
interface Blob {
  digest: string;
  size: number;
}
