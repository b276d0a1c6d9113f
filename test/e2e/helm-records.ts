import { gunzipSync, gzipSync } from 'node:zlib';
import type { TestHost } from './host.ts';

/** Helm's records of the release, changed by hand into states that cannot be made to last otherwise. */

interface Release {
  name: string;
  version: number;
  info: { status: string; description: string; last_deployed: string };
  chart: { metadata: { name: string } };
}

interface RecordSecret {
  metadata: { name: string; labels: Record<string, string>; [key: string]: unknown };
  data: { release: string };
  [key: string]: unknown;
}

export const secretName = (revision: number) => `sh.helm.release.v1.ivaap.v${revision}`;

const read = (secret: RecordSecret): Release => {
  const packed = Buffer.from(Buffer.from(secret.data.release, 'base64').toString(), 'base64');
  return JSON.parse(gunzipSync(packed).toString()) as Release;
};

const packed = (release: Release) =>
  Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64');

/** `revision`'s record with the change, as the record of `as` where that is another revision. */
export async function editRecord(
  host: TestHost,
  revision: number,
  change: (release: Release) => void,
  as = revision,
): Promise<void> {
  const secret = await host.getJson<RecordSecret>('secret', secretName(revision));
  const release = read(secret);
  // A record of long ago: whoever wrote it is dead by its own limits, unless the change says otherwise.
  release.info.last_deployed = '2026-01-01T00:00:00Z';
  release.version = as;
  change(release);
  const { labels } = secret.metadata;
  const edited = {
    ...secret,
    metadata: {
      name: secretName(as),
      namespace: 'ivaap',
      labels: { ...labels, status: release.info.status, version: String(as) },
    },
    data: { release: packed(release) },
  };
  await host.shell(
    `bash /usr/local/lib/lab/node/k3s kubectl apply --server-side --force-conflicts -f - >/dev/null`,
    {
      input: JSON.stringify(edited),
    },
  );
}

export const withStatus = (status: string) => (release: Release) => {
  release.info.status = status;
  if (status === 'failed') release.info.description = 'Upgrade "ivaap" failed: by hand';
};

export async function deleteRecords(host: TestHost, revisions: readonly number[]): Promise<void> {
  if (revisions.length === 0) return;
  await host.kubectl('delete', 'secret', '-n', 'ivaap', ...revisions.map(secretName));
}
