import { gunzipSync } from 'node:zlib';
import * as z from 'zod';
import type { KubeObject, Kubectl } from './kubectl.ts';

/** One of Helm's records of a release, read from its Secret without Helm: to ask changes nothing. */
export interface ReleaseRecord {
  revision: number;
  status: string;
  /** What the record says in addition to its labels; undefined where it cannot be read. */
  content:
    | {
        chart: string;
        /** The product's version that it deployed: appVersion, or the chart's own where it has none. */
        version: string;
        description: string;
        /** ISO 8601. */
        deployedAt: string;
        /** The values that Helm was given. Holds secrets. */
        values: Record<string, unknown>;
      }
    | undefined;
}

const contentSchema = z.looseObject({
  info: z.looseObject({ description: z.string().optional(), last_deployed: z.string().optional() }),
  chart: z.looseObject({
    metadata: z.looseObject({ name: z.string(), version: z.string(), appVersion: z.string().optional() }),
  }),
  config: z.record(z.string(), z.unknown()).nullish(),
});

/** Helm keeps a record below one mebibyte, packed; no honest one grows to this. */
const maxContentBytes = 64 * 1024 * 1024;

type Secret = KubeObject & { data?: { release?: string } };

/** Records of all revisions, oldest first. */
export async function readReleaseRecords(
  kubectl: Kubectl,
  { namespace, release, signal }: { namespace: string; release: string; signal?: AbortSignal },
): Promise<ReleaseRecord[]> {
  const secrets = await kubectl.list<Secret>('secrets', {
    namespace,
    selector: `owner=helm,name=${release}`,
    signal,
  });
  return secrets
    .map(({ metadata, data }) => ({
      revision: Number(metadata.labels?.version ?? 0),
      status: metadata.labels?.status ?? 'unknown',
      content: contentOf(data?.release),
    }))
    .sort((a, b) => a.revision - b.revision);
}

/** base64 of the API's, base64 of Helm's, gzip, JSON. */
function contentOf(encoded: string | undefined): ReleaseRecord['content'] {
  try {
    const packed = Buffer.from(Buffer.from(encoded ?? '', 'base64').toString(), 'base64');
    const text = gunzipSync(packed, { maxOutputLength: maxContentBytes }).toString();
    const { info, chart, config } = contentSchema.parse(JSON.parse(text));
    return {
      chart: chart.metadata.name,
      version: chart.metadata.appVersion ?? chart.metadata.version,
      description: info.description ?? '',
      deployedAt: info.last_deployed ?? '',
      values: config ?? {},
    };
  } catch {
    return undefined;
  }
}
