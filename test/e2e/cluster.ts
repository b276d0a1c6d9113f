import assert from 'node:assert/strict';
import { executable } from './executables.ts';
import type { TestHost } from './host.ts';
import { readState } from './state.ts';
import { run } from '../lab/process.ts';

interface PodList {
  items: {
    metadata: { name: string; uid: string; deletionTimestamp?: string };
    status: {
      phase: string;
      containerStatuses?: { name: string; image: string; imageID: string; ready: boolean }[];
    };
  }[];
}

interface ReleaseImage {
  reference: string;
  manifest: { digest: string };
  config: { digest: string };
}

/** What a release's payload says of its images, read from the executable by a zip tool of somebody else's. */
export async function releaseImages(version: string): Promise<ReleaseImage[]> {
  const index = await run('unzip', ['-p', await executable(version), 'index.json']);
  return (JSON.parse(index) as { images: ReleaseImage[] }).images;
}

/** Every container of the product runs an image of this release, proved by image ID and not by tag. */
export async function assertImagesOf(host: TestHost, version: string): Promise<void> {
  const images = await releaseImages(version);
  const pods = await host.until('old pods are gone', 60, async () => {
    const { items } = await host.getJson<PodList>('pods');
    return items.some(({ metadata }) => metadata.deletionTimestamp !== undefined) ? undefined : items;
  });
  const running = pods.flatMap(({ metadata, status }) =>
    (status.containerStatuses ?? []).map(({ image, imageID }) => ({ pod: metadata.name, image, imageID })),
  );
  assert.ok(running.length >= 4, `all workloads run: ${JSON.stringify(running)}`);
  for (const { pod, image, imageID } of running) {
    const known = images.some(
      ({ manifest, config }) => imageID.endsWith(manifest.digest) || imageID.endsWith(config.digest),
    );
    assert.ok(known, `${pod} runs ${image} (${imageID}), which is no image of ${version}`);
  }
}

/** Identity of the database's volume: no operation may replace it. */
export async function volumeIdentity(host: TestHost): Promise<string> {
  const claims = await host.getJson<{
    items: { metadata: { name: string; uid: string }; spec: { volumeName: string } }[];
  }>('pvc');
  const volumes = await host.getJson<{ items: { metadata: { name: string; uid: string } }[] }>('pv');
  return JSON.stringify([
    claims.items.map(({ metadata, spec }) => [metadata.name, metadata.uid, spec.volumeName]),
    volumes.items.map(({ metadata }) => [metadata.name, metadata.uid]),
  ]);
}

export interface HelmRevision {
  revision: number;
  status: string;
  version: string;
}

/** Helm's revisions of the release, oldest first, from Helm's own Secrets. */
export async function helmHistory(host: TestHost): Promise<HelmRevision[]> {
  const { items } = await host.getJson<{ items: { data: { release: string } }[] }>(
    'secret',
    '-l',
    'owner=helm,name=ivaap',
  );
  const { gunzipSync } = await import('node:zlib');
  return items
    .map(({ data }) => {
      const packed = Buffer.from(Buffer.from(data.release, 'base64').toString(), 'base64');
      const release = JSON.parse(gunzipSync(packed).toString()) as {
        version: number;
        info: { status: string };
        chart: { metadata: { appVersion: string } };
      };
      return {
        revision: release.version,
        status: release.info.status,
        version: release.chart.metadata.appVersion,
      };
    })
    .sort((a, b) => a.revision - b.revision);
}

/** The release runs and answers, by everything that says so. */
export async function assertRuns(host: TestHost, version: string): Promise<void> {
  await host.untilHealthy();
  await assertImagesOf(host, version);
  const last = (await helmHistory(host)).at(-1);
  assert.deepEqual([last?.status, last?.version], ['deployed', version]);
  assert.equal((await readState(host)).installed?.version, version);
}
