import { limits } from './limits.ts';

/**
 * Who signed a payload, and what lets others take over from an older key. Public keys are Ed25519's 32 bytes,
 * signatures 64.
 */
export interface Signed {
  key: Buffer;
  /**
   * Statements by older keys that this file's key takes over; at most 8, whether they hold is for
   * handedOverBy in signature.ts to say.
   */
  handovers: { key: Buffer; signature: Buffer }[];
  /** Over all lines before it. */
  signature: Buffer;
}

/**
 * FORMAT.md, Trailer: the zip comment, ASCII lines, the last bytes of the file. It is the root of all checks:
 * it names the index by place and SHA-256, the index names everything else, and the signature, where there is
 * one, covers the trailer.
 */
export interface Trailer {
  /** Of the content of index.json. */
  indexOffset: number;
  indexLength: number;
  indexSha256: string;
  /** Of everything between the last entry and the comment: central directory and end records. */
  directorySha256: string;
  /** Length of the file. */
  fileSize: number;
  /** Key, hand-overs and signature; undefined of an unsigned file. */
  signed: Signed | undefined;
}

const magic = 'executable-payload 1';
/** The end record is looked for in this many bytes at the end of the file; a trailer is below 1,900. */
export const trailerSearchBytes = 4096;
const endRecordSize = 22;

/** What the signature covers: all bytes of the comment before the signature's line. */
export function signedBytes({ signed, ...trailer }: Trailer): Buffer {
  const lines = [
    magic,
    `index-offset: ${trailer.indexOffset}`,
    `index-length: ${trailer.indexLength}`,
    `index-sha256: ${trailer.indexSha256}`,
    `directory-sha256: ${trailer.directorySha256}`,
    `file-size: ${trailer.fileSize}`,
    `key: ${signed === undefined ? 'none' : `ed25519 ${signed.key.toString('base64')}`}`,
    ...(signed?.handovers ?? []).map(
      ({ key, signature }) => `handover: ed25519 ${key.toString('base64')} ${signature.toString('base64')}`,
    ),
  ];
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1');
}

export function renderTrailer(trailer: Trailer): Buffer {
  const signature = trailer.signed?.signature.toString('base64') ?? 'none';
  return Buffer.concat([signedBytes(trailer), Buffer.from(`signature: ${signature}\n`, 'latin1')]);
}

const key = 'ed25519 [A-Za-z0-9+/]{43}=';
const signature = '[A-Za-z0-9+/]{86}==';
const handovers = String.raw`(?<handovers>(?:handover: ${key} ${signature}\n){0,${limits.handovers}})`;
const signed = String.raw`(?<key>${key})\n${handovers}signature: (?<signature>${signature})`;
const shape = new RegExp(
  [
    `^${magic}`,
    String.raw`index-offset: (?<indexOffset>\d{1,15})`,
    String.raw`index-length: (?<indexLength>\d{1,10})`,
    'index-sha256: (?<indexSha256>[0-9a-f]{64})',
    'directory-sha256: (?<directorySha256>[0-9a-f]{64})',
    String.raw`file-size: (?<fileSize>\d{1,15})`,
    String.raw`key: (?:none\nsignature: none|${signed})\n$`,
  ].join(String.raw`\n`),
);

/**
 * What the end of a file says: a trailer, a payload whose trailer is damaged or of another format, or no
 * payload's end at all.
 */
export type TrailerSearch =
  | { kind: 'found'; trailer: Trailer; commentLength: number }
  | { kind: 'newer'; format: string }
  | { kind: 'malformed'; why: string }
  | { kind: 'none' };

/**
 * `tail`: the last bytes of a file of `fileSize` bytes, at least {@link trailerSearchBytes} of them where the
 * file has so many.
 */
export function findTrailer(tail: Buffer, fileSize: number): TrailerSearch {
  for (let at = tail.length - endRecordSize; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue;
    const commentLength = tail.readUInt16LE(at + 20);
    if (at + endRecordSize + commentLength !== tail.length) continue;
    return parseTrailer(tail.subarray(at + endRecordSize), fileSize);
  }
  // A line end that became two characters: the trailer's lines are the first text in which that shows beyond
  // doubt.
  if (tail.includes(`${magic}\r\nindex-offset: `))
    return {
      kind: 'malformed',
      why: 'it was transferred as text: each line end in it became two characters',
    };
  return tail.includes(`${magic}\nindex-offset: `)
    ? { kind: 'malformed', why: 'its end record does not fit its length' }
    : { kind: 'none' };
}

function parseTrailer(comment: Buffer, fileSize: number): TrailerSearch {
  const text = comment.toString('latin1');
  const groups = shape.exec(text)?.groups;
  if (groups === undefined) {
    const format = /^executable-payload ([1-9]\d{0,3})\n/.exec(text)?.[1];
    if (format !== undefined && format !== '1') return { kind: 'newer', format };
    return { kind: 'malformed', why: 'its trailer is malformed' };
  }
  const trailer: Trailer = {
    indexOffset: Number(groups['indexOffset']),
    indexLength: Number(groups['indexLength']),
    indexSha256: groups['indexSha256']!,
    directorySha256: groups['directorySha256']!,
    fileSize: Number(groups['fileSize']),
    signed: signedOf(groups),
  };
  // Leading zeros, base64 with bits to spare and the like: only the bytes that the packer writes are a
  // trailer.
  if (!renderTrailer(trailer).equals(comment)) return { kind: 'malformed', why: 'its trailer is malformed' };
  if (trailer.fileSize !== fileSize)
    return { kind: 'malformed', why: `it has ${fileSize} bytes and its trailer says ${trailer.fileSize}` };
  return { kind: 'found', trailer, commentLength: comment.length };
}

function signedOf(groups: Record<string, string | undefined>): Signed | undefined {
  const { key, handovers = '', signature } = groups;
  if (key === undefined || signature === undefined) return undefined;
  const bytes = (base64: string) => Buffer.from(base64, 'base64');
  const lines = handovers.split('\n').slice(0, -1);
  return {
    key: bytes(key.slice('ed25519 '.length)),
    handovers: lines.map((line) => {
      const [, , older = '', statement = ''] = line.split(' ');
      return { key: bytes(older), signature: bytes(statement) };
    }),
    signature: bytes(signature),
  };
}
