import type { IndexEntry, PayloadIndex } from './index-schema.ts';
import { limits } from './limits.ts';

/**
 * FORMAT.md, Entries: local headers, byte for byte. The packer writes them, and a reader accepts one only
 * when it equals the bytes that the index implies. Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.
 */

/** A CRC-32 as the index has it: 8 hex digits. */
export const crc32Text = (crc: number): string => crc.toString(16).padStart(8, '0');

/** What a local header says; the padding follows from the two offsets. */
export interface ZipEntry {
  name: string;
  size: number;
  /** CRC-32 of the content, 8 hex digits. */
  crc32: string;
  mode: number;
  /** Where the local header starts. */
  headerOffset: number;
  /** Where the content starts. */
  offset: number;
}

export const max32 = 0xffffffff;
/** 1980-01-01, the first date that zip knows: nothing in the file depends on when it was packed. */
export const fixedDate = 0x0021;
/** Extra field that Android's zipalign uses for padding: other tools skip it. */
const paddingId = 0xd935;

export const needsZip64 = (value: number): boolean => value >= max32;

/** Bytes of a local header without its padding. */
function localHeaderSize(name: string, size: number): number {
  return 30 + Buffer.byteLength(name) + (needsZip64(size) ? 20 : 0);
}

/**
 * Where an entry's content starts when its header is at `headerOffset` and the content is aligned to
 * `alignment`.
 */
export function contentOffset(headerOffset: number, name: string, size: number, alignment: number): number {
  const first = headerOffset + localHeaderSize(name, size);
  const padding = (alignment - (first % alignment)) % alignment;
  // A padding field is at least its own 4-byte header.
  return first + (padding > 0 && padding < 4 ? padding + alignment : padding);
}

const paddingOf = ({ name, size, offset, headerOffset }: ZipEntry): number =>
  offset - headerOffset - localHeaderSize(name, size);

/**
 * Whether a local header can fill the bytes [headerOffset, offset): the padding that is left is one that can
 * be written.
 */
export function headerFits(entry: ZipEntry): boolean {
  const padding = paddingOf(entry);
  return padding === 0 || (padding >= 4 && padding <= limits.paddingBytes);
}

/**
 * The local header with its padding: exactly the bytes [headerOffset, offset). Throws RangeError where none
 * fits.
 */
export function localHeader(entry: ZipEntry): Buffer {
  const length = entry.offset - entry.headerOffset;
  const padding = paddingOf(entry);
  if (!headerFits(entry)) throw new RangeError(`no local header of ${length} bytes fits ${entry.name}`);
  const name = Buffer.from(entry.name);
  const zip64 = needsZip64(entry.size);
  const header = Buffer.alloc(length);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(zip64 ? 45 : 20, 4);
  header.writeUInt16LE(fixedDate, 12);
  header.writeUInt32LE(Number.parseInt(entry.crc32, 16), 14);
  header.writeUInt32LE(zip64 ? max32 : entry.size, 18);
  header.writeUInt32LE(zip64 ? max32 : entry.size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(length - 30 - name.length, 28);
  name.copy(header, 30);
  let at = 30 + name.length;
  if (zip64) {
    header.writeUInt16LE(1, at);
    header.writeUInt16LE(16, at + 2);
    header.writeBigUInt64LE(BigInt(entry.size), at + 4);
    header.writeBigUInt64LE(BigInt(entry.size), at + 12);
    at += 20;
  }
  if (padding > 0) {
    header.writeUInt16LE(paddingId, at);
    header.writeUInt16LE(padding - 4, at + 2);
  }
  return header;
}

/** An entry and where its local header starts. */
export type PlacedEntry = IndexEntry & ZipEntry;

/** Each entry with the place of its local header, which starts where the one before ends. */
export function placedEntries(index: Pick<PayloadIndex, 'entries'>, indexEnd: number): PlacedEntry[] {
  let headerOffset = indexEnd;
  return index.entries.map((entry) => {
    const placed = { ...entry, headerOffset };
    headerOffset = entry.offset + entry.size;
    return placed;
  });
}

/** All entries, index.json first, whose content counts `crc32`. */
export function zipEntries(
  index: Pick<PayloadIndex, 'entries' | 'headSize'>,
  { offset, length, crc32 }: { offset: number; length: number; crc32: string },
): [index: ZipEntry, ...others: ZipEntry[]] {
  const own = { name: indexName, size: length, crc32, mode: 0o644, headerOffset: index.headSize, offset };
  return [own, ...placedEntries(index, offset + length)];
}

/** Name of the first entry. */
export const indexName = 'index.json';

/**
 * Where an OCI image layout keeps a blob, and the payload's entry that holds it; `digest` is `sha256:HEX`.
 * Source: OCI image-layout specification.
 */
export const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
