/**
 * FORMAT.md, Archives: gzip without compression, a fixed header, stored blocks of 65,535 bytes, CRC and
 * length. Written by us because zlib's level 0 cuts its blocks where its caller's writes end; here every
 * byte's place is arithmetic.
 */

const blockSize = 65_535;
const blockHeaderSize = 5;
/** Deflate, no flags, no time, no extra flags, system unknown. */
export const gzipHeader: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
const trailerSize = 8;

/** Size of the gzip file around `size` bytes; `size` is above 0. */
export function storedGzipSize(size: number): number {
  return gzipHeader.length + size + Math.ceil(size / blockSize) * blockHeaderSize + trailerSize;
}

/** Where byte `offset` of the content is in the gzip file. */
export function storedGzipOffset(offset: number): number {
  return gzipHeader.length + offset + (Math.floor(offset / blockSize) + 1) * blockHeaderSize;
}

function blockHeader(position: number, size: number): Buffer {
  const length = Math.min(blockSize, size - position);
  const header = Buffer.alloc(blockHeaderSize);
  header[0] = position + length === size ? 1 : 0;
  header.writeUInt16LE(length, 1);
  header.writeUInt16LE(length ^ 0xffff, 3);
  return header;
}

/** The last 8 bytes: CRC-32 of the content and its length modulo 2^32. */
export function gzipTrailer(crc32: number, size: number): Buffer {
  const trailer = Buffer.alloc(trailerSize);
  trailer.writeUInt32LE(crc32, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}

/** What the bytes around a tar depend on: its length, and its CRC-32. */
export interface GzippedTar {
  tarSize: number;
  crc32: number;
}

/**
 * Where content [position, position + bytes) and the block headers that go with it lie in the gzip file: the
 * end of one range is the start of the next.
 */
export function storedGzipSpan(
  position: number,
  bytes: number,
  size: number,
): { start: number; size: number } {
  const before = (at: number) =>
    at === 0 ? 0 : gzipHeader.length + at + Math.ceil(at / blockSize) * blockHeaderSize;
  const start = before(position);
  const end = position + bytes === size ? storedGzipSize(size) : before(position + bytes);
  return { start, size: end - start };
}

/**
 * Content [position, position + bytes.length) of `tarSize` bytes as the gzip file holds it: what
 * {@link storedGzipSpan} has room for.
 */
export function* storedGzipRange(
  bytes: Uint8Array,
  position: number,
  { tarSize, crc32 }: GzippedTar,
): Generator<Uint8Array> {
  if (position === 0) yield gzipHeader;
  yield* storedBlocks(bytes, position, tarSize);
  if (position + bytes.length === tarSize) yield gzipTrailer(crc32, tarSize);
}

/**
 * Content [position, position + bytes.length) as the gzip file holds it, block headers between parts of
 * `bytes` itself: nothing is copied.
 */
export function* storedBlocks(bytes: Uint8Array, position: number, size: number): Generator<Uint8Array> {
  const first = Math.min(position % blockSize === 0 ? 0 : blockSize - (position % blockSize), bytes.length);
  if (first > 0) yield bytes.subarray(0, first);
  for (let from = first; from < bytes.length; from += blockSize) {
    yield blockHeader(position + from, size);
    yield bytes.subarray(from, Math.min(from + blockSize, bytes.length));
  }
}

/** Wraps `content` of exactly `tarSize` bytes. Throws RangeError when the length differs. */
export async function* storedGzip(content: AsyncIterable<Buffer>, gzip: GzippedTar): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const bytes of content) {
    if (bytes.length > 0) yield Buffer.concat([...storedGzipRange(bytes, position, gzip)]);
    position += bytes.length;
  }
  if (position !== gzip.tarSize)
    throw new RangeError(`${position} bytes came where ${gzip.tarSize} were to come`);
}

/**
 * Content [offset, offset + length) of a gzip file of ours, read by position: `readAt(offset, length)` reads
 * the file. Throws RangeError when a block header differs.
 */
export async function* readStored(
  readAt: (offset: number, length: number) => Promise<Buffer>,
  size: number,
  offset: number,
  length: number,
): AsyncGenerator<Buffer> {
  const perRead = 64 * blockSize;
  for (let position = offset; position < offset + length;) {
    const end = Math.min(offset + length, (Math.floor(position / perRead) + 1) * perRead);
    const from = storedGzipOffset(position);
    const raw = await readAt(from, storedGzipOffset(end - 1) + 1 - from);
    const content = Buffer.allocUnsafe(end - position);
    let to = 0;
    for (let at = 0; to < content.length;) {
      if (to > 0) {
        if (!raw.subarray(at, at + blockHeaderSize).equals(blockHeader(position + to, size)))
          throw new RangeError(`a block header at byte ${from + at} is not as it was written`);
        at += blockHeaderSize;
      }
      const piece = Math.min(blockSize - ((position + to) % blockSize), content.length - to);
      raw.copy(content, to, at, at + piece);
      at += piece;
      to += piece;
    }
    yield content;
    position = end;
  }
}
