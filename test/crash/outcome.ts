import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { globalsFile, restoreFiles } from '../../src/backup/dump-files.ts';
import type { TestHost } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import type { GraphName } from './journal-places.ts';

/**
 * All that must be the same after a run that was killed and run again as after one that was not: line by
 * line, so that a difference reads as what went wrong. Times in names are written TIME.
 */
export type Outcome = readonly string[];

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
const withoutTimes = (text: string) => text.replaceAll(/\d{8}T\d{6}Z(-\d+)?/g, 'TIME');

interface Release {
  name: string;
  info: { status: string };
  chart: { metadata: { name: string; version: string; appVersion: string } };
  config: unknown;
  manifest: string;
}

/** Helm's newest record, unpacked: what `helm get manifest` and `helm get values` show. */
async function release(host: TestHost): Promise<string[]> {
  const { items } = await host.getJson<{
    items: { metadata: { labels: { version: string } }; data: { release: string } }[];
  }>('secret', '-l', 'owner=helm,name=ivaap');
  const newest = items
    .sort((a, b) => Number(a.metadata.labels.version) - Number(b.metadata.labels.version))
    .at(-1);
  if (newest === undefined) return ['release: none'];
  const packed = Buffer.from(Buffer.from(newest.data.release, 'base64').toString(), 'base64');
  const { info, chart, config, manifest } = JSON.parse(gunzipSync(packed).toString()) as Release;
  const { name, version, appVersion } = chart.metadata;
  return [
    `release: ${info.status}, chart ${name} ${version}, ${appVersion}`,
    `release values: ${hashOf(JSON.stringify(config))}`,
    ...manifest
      .split(/^---$/m)
      .filter((document) => document.trim() !== '')
      .map((document) => `manifest ${/^# Source: (.*)$/m.exec(document)?.[1] ?? '?'}: ${hashOf(document)}`),
  ];
}

interface RuntimeImages {
  images: { id: string; repoTags?: string[]; repoDigests?: string[]; pinned: boolean }[];
}

/** Images as the kubelet sees them, and every name that containerd has, with its labels. */
async function images(host: TestHost): Promise<string[]> {
  const [runtime, names] = await Promise.all([
    host.k3s('crictl', 'images', '-o', 'json'),
    host.k3s('ctr', 'images', 'list'),
  ]);
  if (runtime.code !== 0 || names.code !== 0) throw new Error(`images: ${runtime.stderr}${names.stderr}`);
  return [
    ...(JSON.parse(runtime.stdout) as RuntimeImages).images.map(
      ({ id, repoTags, pinned }) => `image ${id}: ${repoTags?.sort().join(' ')}${pinned ? ', pinned' : ''}`,
    ),
    ...names.stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => `image name ${line.replaceAll(/\s+/g, ' ')}`),
  ];
}

interface Pod {
  metadata: { labels: { app?: string }; deletionTimestamp?: string };
  status: { phase: string; containerStatuses?: { name: string; imageID: string; ready: boolean }[] };
}

/** Asked again until pods of the old release are gone. */
function pods(host: TestHost): Promise<string[]> {
  return host.until('pods of the old release are gone', 60, async () => {
    const { items } = await host.getJson<{ items: Pod[] }>('pods');
    if (items.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) return undefined;
    return items.map(({ metadata, status }) => {
      const containers = (status.containerStatuses ?? []).map(
        ({ name, imageID, ready }) => `${name} ${imageID}${ready ? '' : ' NOT READY'}`,
      );
      return `pod of ${metadata.labels.app}: ${status.phase}, ${containers.join(', ')}`;
    });
  });
}

interface Named {
  metadata: { name: string; uid: string };
  spec: { volumeName?: string };
}

/** Claims and volumes; their identities only where every host starts with the same ones. */
async function volumes(host: TestHost, identities: boolean): Promise<string[]> {
  const [claims, all] = await Promise.all([
    host.getJson<{ items: Named[] }>('pvc'),
    host.getJson<{ items: Named[] }>('pv'),
  ]);
  const uid = ({ metadata }: Named) => (identities ? ` ${metadata.uid}` : '');
  return [
    ...claims.items.map((claim) => `claim ${claim.metadata.name} on ${claim.spec.volumeName}${uid(claim)}`),
    ...all.items.map((volume) => `volume ${volume.metadata.name}${uid(volume)}`),
  ];
}

interface SecretList {
  items: { metadata: { name: string; labels?: { owner?: string } }; data?: object }[];
}

/** Secrets that are not Helm's records, by name, with a hash of what they hold. */
export async function secrets(host: TestHost): Promise<string[]> {
  const { items } = await host.getJson<SecretList>('secrets');
  return items
    .filter(({ metadata }) => metadata.labels?.owner !== 'helm')
    .map(({ metadata, data }) => `secret ${metadata.name}: ${hashOf(JSON.stringify(data))}`)
    .sort();
}

/** Run logs, the lock's text and the database's own files are nobody's promise. */
const pruned = ['postgres/*', 'postgres.removed-*/*', '.installer/logs/*']
  .map((path) => `-path './${path}' -prune -o`)
  .join(' ');
const changing = String.raw`/(state\.json|scan-receipt\.json|lock|backups/.*)$`;
const filesScript = `
cd /opt/ivaap
find . ${pruned} -printf '%p %y %m %U:%G %l\\n'
find . ${pruned} -type f -print0 | grep -zvE '${changing}' | xargs -0r sha256sum
find /tmp -mindepth 1 ! -name 'runc-process*' -printf '%p %y %m %U:%G %l\\n'
`;

/**
 * Helm's record of a revision that was cut off, which its repair keeps; for that it makes a folder where
 * there is none.
 */
const savedRecord = /^\/sh\.helm\.release\.\S+\.json /;

const seal = /^ d 500 /;

/** What a dump's folder holds, whole. */
const dumpFiles = [...Object.values(restoreFiles), globalsFile, 'ivaapdb.sql'].sort();

/** A restore takes its dump again after a kill, as rows may have come: the one before it stays. */
function isDumpAlone(lines: readonly string[]): boolean {
  const names = lines.map((line) => /^\/(\S+) f /.exec(line)?.[1]).filter((name) => name !== undefined);
  return names.length === lines.length - 1 && isDeepStrictEqual(names.sort(), dumpFiles);
}

/**
 * A folder of a backup counts as one thing, with all that it holds: a second whole one is a dump that was
 * taken again, a part of one is a difference. Only the one that keeps what stood before Helm first started is
 * sealed, whichever it is.
 */
async function files(host: TestHost, graph: GraphName): Promise<string[]> {
  const { stdout } = await host.shell(filesScript);
  const lines: string[] = [];
  const backups = new Map<string, string[]>();
  for (const line of stdout.trim().split('\n')) {
    const folder = /^\.\/\.installer\/backups\/([^/ ]+)/.exec(line)?.[1];
    if (folder === undefined) lines.push(`file ${withoutTimes(line)}`);
    else backups.set(folder, [...(backups.get(folder) ?? []), line.replace(/^\S*?backups\/[^/ ]+/, '')]);
  }
  const contents = [...backups.values()].flatMap((held) => {
    const own = held.filter((line) => !savedRecord.test(line)).sort();
    const isOnlyForRecord = own.length === 1 && held.length > 1;
    if (isOnlyForRecord || (graph === 'restore' && isDumpAlone(own))) return [];
    const sealed = own.some((line) => seal.test(line)) ? ['backup: one is sealed'] : [];
    return [
      ...sealed,
      `backup: ${withoutTimes(own.map((line) => line.replace(seal, ' d 700 ')).join('; '))}`,
    ];
  });
  return [...lines, ...contents];
}

/** Whoever lives on of those that the command started, beside the product's pods. */
async function processes(host: TestHost): Promise<string[]> {
  const { stdout } = await host.shell(`
    for p in /proc/[0-9]*; do
      echo "$(readlink $p/exe) $(tr '\\0' ' ' <$p/cmdline)"
    done 2>/dev/null | grep -E '^/opt/ivaap/|^[^ ]*/ivaap |images import|pg_dump' | grep -v 'grep -E' || true`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `process ${line.slice(0, 200)}`);
}

async function journal(host: TestHost, graph: GraphName): Promise<string[]> {
  const { run, installed, anchors, derived } = await readState(host);
  const steps = Object.entries(run?.steps ?? {}).map(([id, { status }]) => `journal ${id}: ${status}`);
  return [
    `journal: ${run?.flow} ${run?.status}, installed ${installed?.version}`,
    ...steps,
    `anchors of ${Object.keys(anchors).join(' ')}`,
    `derived ${Object.keys(derived).sort().join(' ')}${graph === 'upgrade' ? ` of ${run?.from}` : ''}`,
  ];
}

/** What a rollback to the namespace leaves: nothing of the product runs any more. */
async function undone(host: TestHost): Promise<string[]> {
  const namespaces = await host.kubectl('get', 'namespaces', '-o', 'name');
  return namespaces.stdout
    .split('\n')
    .filter((line) => line.includes('ivaap'))
    .map((line) => `there is still ${line}`);
}

/** Throws when the product does not answer; after a rollback there is none. */
export async function outcome(host: TestHost, graph: GraphName): Promise<Outcome> {
  if (graph === 'rollback') {
    const left = [undone(host), images(host), volumes(host, true), files(host, graph), processes(host)];
    return [...new Set((await Promise.all([...left, journal(host, graph)])).flat())].sort();
  }
  await host.untilHealthy();
  const parts = await Promise.all([
    release(host),
    images(host),
    pods(host),
    volumes(host, graph !== 'install'),
    graph === 'install' ? [] : secrets(host),
    files(host, graph),
    processes(host),
    journal(host, graph),
    host.wells.checksum().then((sum) => [`wells: ${sum}`]),
  ]);
  return [...new Set(parts.flat())].sort();
}
