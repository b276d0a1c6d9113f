import { rangesWithin } from './byte-ranges.ts';
import type { Payload } from './reader.ts';
import type { ScanResult } from './scan.ts';
import type { HeadVerdict, JudgedDamages } from './head-check.ts';
import type { Damage } from './named-damages.ts';
import type { Extent, Sha256Check } from './sha256-check.ts';
import { fingerprintOf, handedOverBy } from './format/signature.ts';

/** A part of the file: bytes [from, to), and how they were checked. */
interface Part {
  what: string;
  from: number;
  to: number;
  method: string;
  verdict: HeadVerdict;
}

/** Key and signature of a file that was opened, so that its signature holds. */
export interface SignatureEvidence {
  algorithm: 'Ed25519';
  /** BASE64 of its 32 bytes. */
  key: string;
  fingerprint: string;
  over: 'the trailer';
  holds: true;
  handovers: { fingerprint: string; holds: boolean }[];
}

export function signatureEvidence({ trailer, identity }: Payload): SignatureEvidence | null {
  const { signed } = trailer;
  if (signed === undefined) return null;
  const holding = handedOverBy(trailer, identity.product);
  return {
    algorithm: 'Ed25519',
    key: signed.key.toString('base64'),
    fingerprint: fingerprintOf(signed.key),
    over: 'the trailer',
    holds: true,
    handovers: signed.handovers.map(({ key }) => {
      const fingerprint = fingerprintOf(key);
      return { fingerprint, holds: holding.includes(fingerprint) };
    }),
  };
}

/**
 * The scan's damages, and what SHA-256 found in addition: bytes that XXH3 does not distinguish from the right
 * ones.
 */
export function allDamages(scan: Pick<ScanResult, 'damages'>, check: Pick<Sha256Check, 'damages'>): Damage[] {
  const known = rangesWithin(scan.damages);
  return [...scan.damages, ...check.damages.filter((damage) => known(damage).length === 0)];
}

/** The whole file part by part, without a hole: what was read, how it was checked and what was found. */
export async function partsOf(
  payload: Payload,
  { damages, head }: JudgedDamages,
  extent: Extent,
): Promise<Part[]> {
  const { headSize, chunks, entries } = await payload.index();
  const { fileSize, signed } = payload.trailer;
  const scanned = 'XXH3-128 per chunk, against the index';
  const both = 'XXH3-128 and SHA-256 per chunk, against the index';
  const byTrailer = 'SHA-256, against the trailer';
  const rows: [what: string, to: number, method: string][] = [
    ['executable', headSize, extent === 'none' ? scanned : both],
    ['index.json', payload.indexEnd, byTrailer],
    [
      `${entries.length} entries`,
      chunks.coveredEnd,
      extent === 'all' ? `${both}; each by itself with SHA-256 and CRC-32` : scanned,
    ],
    ['zip directory', payload.commentOffset, byTrailer],
    [
      'trailer',
      fileSize,
      signed === undefined ? 'byte for byte as a packer writes it' : 'Ed25519, by the key in it',
    ],
  ];
  let from = 0;
  return rows.map(([what, to, method]) => {
    const damaged = damages.some((damage) => damage.from < to && damage.to > from);
    const otherwise = from === 0 ? head : 'intact';
    const part: Part = { what, from, to, method, verdict: damaged ? 'damaged' : otherwise };
    from = to;
    return part;
  });
}
