/**
 * gzip without compression: a fixed header, stored blocks of 65,535 bytes, CRC and length. Written by us because zlib's level 0
 * cuts its blocks where its caller's writes end; here every byte's place is arithmetic.
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

/** Where byte `offset` of the content lies in the gzip file. */
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

/** Content [position, position + bytes.length) as the gzip file holds it, block headers between parts of `bytes` itself: nothing is copied. */
export function* storedBlocks(bytes: Buffer, position: number, size: number): Generator<Buffer> {
  const first = Math.min(position % blockSize === 0 ? 0 : blockSize - (position % blockSize), bytes.length);
  if (first > 0) yield bytes.subarray(0, first);
  for (let from = first; from < bytes.length; from += blockSize) {
    yield blockHeader(position + from, size);
    yield bytes.subarray(from, Math.min(from + blockSize, bytes.length));
  }
}

/** Wraps `content` of exactly `size` bytes; `crc32` is asked when all of it has passed. Throws RangeError when the length differs. */
export async function* storedGzip(
  content: AsyncIterable<Buffer>,
  size: number,
  crc32: () => number,
): AsyncGenerator<Buffer> {
  yield gzipHeader;
  let position = 0;
  for await (const bytes of content) {
    yield Buffer.concat([...storedBlocks(bytes, position, size)]);
    position += bytes.length;
  }
  if (position !== size) throw new RangeError(`${position} bytes came where ${size} were to come`);
  yield gzipTrailer(crc32(), size);
}

/** Content [offset, offset + length) of a gzip file of ours, read by position: `readAt(offset, length)` reads the file. Throws RangeError when a block header differs. */
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
