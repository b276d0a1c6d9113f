import { orderOf } from '../version.ts';

/** What names one build of one release. */
interface Build {
  product: string;
  version: string;
  /** SHA-256 of the payload's index. */
  payloadDigest: string;
}

/** What a file is to a release that is known. */
export type ReleaseOrder =
  | 'the same build'
  | 'another build of the same version'
  | 'older'
  | 'newer'
  | 'another product'
  | 'not compared';

/**
 * `known` is undefined where there is no release to compare with; versions that have no order are not
 * compared.
 */
export function compareRelease(file: Build, known: Build | undefined): ReleaseOrder {
  if (known === undefined) return 'not compared';
  if (file.product !== known.product) return 'another product';
  if (file.payloadDigest === known.payloadDigest) return 'the same build';
  const order = file.version === known.version ? 0 : orderOf(file.version, known.version);
  if (order === undefined) return 'not compared';
  if (order === 0) return 'another build of the same version';
  return order < 0 ? 'older' : 'newer';
}
