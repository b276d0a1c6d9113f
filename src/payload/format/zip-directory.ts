import type { ZipEntry } from './entries.ts';
import { fixedDate, max32, needsZip64 } from './entries.ts';

/**
 * FORMAT.md, Zip directory: central headers and end records, byte for byte, as the index implies them.
 * Source: as of entries.ts.
 */

const max16 = 0xffff;
const regularFile = 0o100000;

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

/**
 * Central directory and end records for a comment of `commentLength` bytes, which follows them. `offset`:
 * where they start.
 */
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
