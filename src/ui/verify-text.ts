import type { SignatureEvidence } from '../payload/evidence.ts';
import type { EntryVerdict } from '../payload/sha256-check.ts';
import type { ReleaseOrder } from '../policy/release-order.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { TrustReport, VerifyReport } from '../queries/verify-schema.ts';
import { columns, formatDuration } from './format.ts';
import { printableLine } from './sanitize.ts';

/** Bad verdicts are printed in capitals. */
const shout = (verdict: string) =>
  ['damaged', 'unknown', 'refused', 'not compared'].includes(verdict) ? verdict.toUpperCase() : verdict;

/** The evidence as text. */
export function verifyLines(report: VerifyReport): string[] {
  const { file, parts, damages, checkedBy, bytes, durationMs } = report;
  const rows = parts.map(({ what, from, to, verdict, method }) => [
    what,
    `${from}-${to - 1}`,
    formatBytes(to - from),
    shout(verdict),
    method,
  ]);
  const rate = `${formatBytes(bytes / (Math.max(durationMs, 1) / 1000))}/s`;
  return [
    ...columns([['PART', 'BYTES', 'SIZE', 'VERDICT', 'CHECKED BY'], ...rows], [2]),
    ...(report.entries === undefined ? [] : ['', ...entryLines(report.entries), '']),
    ...damages.map(({ what, from, to }) => `damaged: ${what}, bytes ${from} to ${to - 1}`),
    ...(parts.some(({ verdict }) => verdict === 'unknown')
      ? ['not known: the last bytes of the executable, which are checked together with a damaged entry']
      : []),
    ...signatureLines(report.signature),
    ...trustLines(report.trust),
    ...releaseLines(report),
    `file: ${file.path}, ${file.size} bytes, device ` +
      `${file.device}, inode ${file.inode}, changed ` +
      `${file.modifiedAt}`,
    `checked by: ${checkedBy.program}, format ${checkedBy.format}, Node ` +
      `${checkedBy.node}, from ${report.begunAt} to ${report.endedAt}`,
    `${report.title} ${report.version}, payload sha256:${report.payloadDigest}, ` +
      `${bytes} bytes read in ${formatDuration(durationMs)} (${rate})`,
    provenLine(report),
  ].map(printableLine);
}

const entryLines = (entries: readonly EntryVerdict[]): string[] =>
  columns([
    ['ENTRY', 'VERDICT', 'SHA-256', 'CRC-32'],
    ...entries.map(({ name, verdict, sha256, crc32 }) => [name, shout(verdict), sha256, crc32]),
  ]);

function signatureLines(signature: SignatureEvidence | null): string[] {
  if (signature === null) return ['signature: none'];
  return [
    `signature: ${signature.algorithm} over ${signature.over} is valid, by the key ${signature.fingerprint}`,
    ...signature.handovers.map(
      ({ fingerprint, holds }) =>
        `hand-over: by the key ${fingerprint} ${holds ? 'is valid' : 'IS NOT VALID and is ignored'}`,
    ),
  ];
}

function trustLines({ verdict, because, comparedWith, source, insteadOfState }: TrustReport): string[] {
  if (because === undefined) return ['trust: not compared'];
  return [
    `trust: ${shout(verdict)}: ${because}`,
    insteadOfState === undefined
      ? `compared with: ${comparedWith} (${source})`
      : `compared with: ${comparedWith}, because ${insteadOfState}`,
  ];
}

/** How the release compares with the known one; capitals where it is not the next one. */
function releaseLines({ release, trust, product, version }: VerifyReport): string[] {
  if (release?.comparedWith === undefined) return [];
  const { comparedWith } = trust;
  const texts: Record<ReleaseOrder, string> = {
    'the same build': `the build of ${comparedWith}`,
    'another build of the same version': `ANOTHER BUILD of the version of ${comparedWith}`,
    older: `OLDER than ${comparedWith}: an upgrade to it is refused`,
    newer: `newer than ${comparedWith}`,
    'another product': `ANOTHER PRODUCT than ${comparedWith}`,
    'not compared': `its version cannot be compared with ${comparedWith}`,
  };
  return [`release: ${product} ${version}: ${texts[release.verdict]}`];
}

/** What all this proves, and no more. */
function provenLine({ intact, signature, trust }: VerifyReport): string {
  if (!intact) return 'This file is damaged: it proves nothing. Do not use it.';
  if (signature === null) return 'This proves that the file is as it was packed, but not who packed it.';
  if (trust.verdict === 'trusted') return 'This proves that the file is as the holder of that key signed it.';
  return (
    'This proves that the file is as the holder of that key signed ' +
    'it. Confirm through another channel whose key it is.'
  );
}
