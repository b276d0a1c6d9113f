import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Release } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import { signerOf } from '../payload/format/signature.ts';

/**
 * What two releases are compared by: a payload's index and the facts of its release, nothing else of the
 * file.
 */
export interface DescribedRelease {
  index: PayloadIndex;
  release: Release;
  /** Folder of the chart, as the entries' names start. */
  chartFolder: string;
  /** Fingerprint of the key that signed it; null of an unsigned one. */
  key: string | null;
  /** SHA-256 of index.json. */
  digest: string;
}

/** Reads what describes a payload. Throws IvaapError `payload` for a damaged one. */
export async function describedRelease(payload: Payload): Promise<DescribedRelease> {
  const [index, product, release] = await Promise.all([
    payload.index(),
    payload.product(),
    payload.release(),
  ]);
  return {
    index,
    release,
    chartFolder: product.chart.folder,
    key: signerOf(payload.trailer),
    digest: payload.digest,
  };
}
