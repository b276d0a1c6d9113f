/**
 * The trailer: the zip comment, ASCII lines, the last bytes of the file. It is the root of all checks: it names the index by
 * place and SHA-256, and the index names everything else.
 */
export interface Trailer {
  /** Of the content of index.json. */
  indexOffset: number;
  indexLength: number;
  indexSha256: string;
  /** Of everything between the last entry and the comment: central directory and end records. */
  directorySha256: string;
  /** Length of the whole file. */
  fileSize: number;
  /** `none`, or `ed25519 KEYID BASE64` over all lines before it. */
  signature: string;
}

const magic = 'executable-payload 1';
/** The end record is looked for in this many bytes at the end of the file; a trailer is below 600. */
export const trailerSearchBytes = 4096;
const endRecordSize = 22;

export function renderTrailer(trailer: Trailer): Buffer {
  return Buffer.from(
    [
      magic,
      `index-offset: ${trailer.indexOffset}`,
      `index-length: ${trailer.indexLength}`,
      `index-sha256: ${trailer.indexSha256}`,
      `directory-sha256: ${trailer.directorySha256}`,
      `file-size: ${trailer.fileSize}`,
      `signature: ${trailer.signature}`,
      '',
    ].join('\n'),
    'latin1',
  );
}

const shape = new RegExp(
  [
    `^${magic}`,
    String.raw`index-offset: (?<indexOffset>\d{1,15})`,
    String.raw`index-length: (?<indexLength>\d{1,10})`,
    'index-sha256: (?<indexSha256>[0-9a-f]{64})',
    'directory-sha256: (?<directorySha256>[0-9a-f]{64})',
    String.raw`file-size: (?<fileSize>\d{1,15})`,
    String.raw`signature: (?<signature>none|ed25519 [0-9A-Za-z]{1,32} [A-Za-z0-9+/]{86}==)\n$`,
  ].join(String.raw`\n`),
);

/** What the end of a file says: a trailer, a payload whose trailer is damaged or of another format, or no payload's end at all. */
export type TrailerSearch =
  | { kind: 'found'; trailer: Trailer; commentLength: number }
  | { kind: 'malformed'; why: string }
  | { kind: 'none' };

/** `tail`: the last bytes of a file of `fileSize` bytes, at least {@link trailerSearchBytes} of them where the file has so many. */
export function findTrailer(tail: Buffer, fileSize: number): TrailerSearch {
  for (let at = tail.length - endRecordSize; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue;
    const commentLength = tail.readUInt16LE(at + 20);
    if (at + endRecordSize + commentLength !== tail.length) continue;
    return parseTrailer(tail.subarray(at + endRecordSize), fileSize);
  }
  return tail.includes(`${magic}\nindex-offset: `)
    ? { kind: 'malformed', why: 'its end record does not fit its length' }
    : { kind: 'none' };
}

function parseTrailer(comment: Buffer, fileSize: number): TrailerSearch {
  const text = comment.toString('latin1');
  const groups = shape.exec(text)?.groups;
  if (groups === undefined) {
    const version = /^executable-payload (\d+)/.exec(text)?.[1];
    if (version !== undefined && version !== '1')
      return { kind: 'malformed', why: `it has format ${version}, and this program reads format 1` };
    return { kind: 'malformed', why: 'its trailer is not as it was written' };
  }
  const trailer: Trailer = {
    indexOffset: Number(groups['indexOffset']),
    indexLength: Number(groups['indexLength']),
    indexSha256: groups['indexSha256']!,
    directorySha256: groups['directorySha256']!,
    fileSize: Number(groups['fileSize']),
    signature: groups['signature']!,
  };
  // Leading zeros and the like: only the bytes that the packer writes are a trailer.
  if (!renderTrailer(trailer).equals(comment))
    return { kind: 'malformed', why: 'its trailer is not as it was written' };
  if (trailer.fileSize !== fileSize)
    return { kind: 'malformed', why: `it has ${fileSize} bytes and its trailer says ${trailer.fileSize}` };
  return { kind: 'found', trailer, commentLength: comment.length };
}
