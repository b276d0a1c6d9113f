/**
 * The zip records that a payload consists of, byte for byte: written by build/, recomputed by the reader, which accepts a
 * header only when it equals the bytes implied by the index. Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.
 */

/** What a local header says; the padding follows from the two offsets. */
export interface ZipEntry {
  name: string;
  size: number;
  /** CRC-32 of the content, 8 hex digits. */
  crc32: string;
  mode: number;
  /** Where the local header begins. */
  headerOffset: number;
  /** Where the content begins. */
  offset: number;
}

const max16 = 0xffff;
const max32 = 0xffffffff;
/** 1980-01-01, the first date that zip knows: nothing in the file depends on when it was packed. */
const fixedDate = 0x0021;
/** Extra field that Android's zipalign uses for padding: other tools skip it. */
const paddingId = 0xd935;
const regularFile = 0o100000;
/** Of one header, its own 4 bytes with it: below the two bytes that zip has for its length. */
const maxPadding = 65_000;

const needsZip64 = (value: number): boolean => value >= max32;

/** Bytes of a local header without its padding. */
function localHeaderSize(name: string, size: number): number {
  return 30 + Buffer.byteLength(name) + (needsZip64(size) ? 20 : 0);
}

/** Where an entry's content begins when its header is at `headerOffset` and the content is aligned to `alignment`. */
export function contentOffset(headerOffset: number, name: string, size: number, alignment: number): number {
  const first = headerOffset + localHeaderSize(name, size);
  const padding = (alignment - (first % alignment)) % alignment;
  // A padding field is at least its own 4-byte header.
  return first + (padding > 0 && padding < 4 ? padding + alignment : padding);
}

const paddingOf = ({ name, size, offset, headerOffset }: ZipEntry): number =>
  offset - headerOffset - localHeaderSize(name, size);

/** Whether a local header can fill the bytes [headerOffset, offset): the padding that is left is one that can be written. */
export function headerFits(entry: ZipEntry): boolean {
  const padding = paddingOf(entry);
  return padding === 0 || (padding >= 4 && padding <= maxPadding);
}

/** The local header with its padding: exactly the bytes [headerOffset, offset). Throws RangeError where none fits. */
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

function centralHeader(entry: ZipEntry): Buffer {
  const name = Buffer.from(entry.name);
  const wide = [
    ...(needsZip64(entry.size) ? [entry.size, entry.size] : []),
    ...(needsZip64(entry.headerOffset) ? [entry.headerOffset] : []),
  ];
  const extra = Buffer.alloc(wide.length > 0 ? 4 + 8 * wide.length : 0);
  if (wide.length > 0) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(8 * wide.length, 2);
    for (const [position, value] of wide.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * position);
  }
  const version = wide.length > 0 ? 45 : 20;
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE((3 << 8) | version, 4);
  header.writeUInt16LE(version, 6);
  header.writeUInt16LE(fixedDate, 14);
  header.writeUInt32LE(Number.parseInt(entry.crc32, 16), 16);
  header.writeUInt32LE(Math.min(entry.size, max32), 20);
  header.writeUInt32LE(Math.min(entry.size, max32), 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(((regularFile | entry.mode) << 16) >>> 0, 38);
  header.writeUInt32LE(Math.min(entry.headerOffset, max32), 42);
  return Buffer.concat([header, name, extra]);
}

/** Central directory and end records for a comment of `commentLength` bytes, which follows them. `offset`: where they begin. */
export function centralDirectory(
  entries: readonly ZipEntry[],
  offset: number,
  commentLength: number,
): Buffer {
  const directory = Buffer.concat(entries.map((entry) => centralHeader(entry)));
  const count = entries.length;
  const records = [directory];
  if (count >= max16 || needsZip64(directory.length) || needsZip64(offset)) {
    const record = Buffer.alloc(56);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeUInt16LE((3 << 8) | 45, 12);
    record.writeUInt16LE(45, 14);
    record.writeBigUInt64LE(BigInt(count), 24);
    record.writeBigUInt64LE(BigInt(count), 32);
    record.writeBigUInt64LE(BigInt(directory.length), 40);
    record.writeBigUInt64LE(BigInt(offset), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(offset + directory.length), 8);
    locator.writeUInt32LE(1, 16);
    records.push(record, locator);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, max16), 8);
  end.writeUInt16LE(Math.min(count, max16), 10);
  end.writeUInt32LE(Math.min(directory.length, max32), 12);
  end.writeUInt32LE(Math.min(offset, max32), 16);
  end.writeUInt16LE(commentLength, 20);
  return Buffer.concat([...records, end]);
}
