import { pipeline, Readable } from 'node:stream';
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';

/**
 * Decompresses all frames of a zstd stream. Node's decompressor ends with the first one; pzstd, `zstd` on
 * files joined, and layers of the kind zstd:chunked have many, with frames between them that are to be
 * skipped. Frame format: RFC 8878, section 3.1.
 */
export async function* zstdFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Cursor(source);
  while (!(await input.atEnd())) {
    const magic = await input.take(4);
    const number = magic.readUInt32LE();
    if ((number & 0xfffffff0) >>> 0 === 0x184d2a50) {
      const size = (await input.take(4)).readUInt32LE();
      for (let left = size; left > 0; left -= skipBytes) await input.take(Math.min(left, skipBytes));
    } else if (number === 0xfd2fb528) yield* decompressed(frameParts(input, magic));
    else throw new Error('behind a frame of zstd there is something else');
  }
}

const skipBytes = 1024 * 1024;
/** A frame below this is decompressed at once: a stream for each would take longer than its content. */
const smallFrame = 256 * 1024;
const smallContent = 8 * 1024 * 1024;

async function* decompressed(parts: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const start: Buffer[] = [];
  let size = 0;
  let ended = false;
  while (size < smallFrame && !ended) {
    const { value, done } = await parts.next();
    if (done === true) ended = true;
    else {
      start.push(value);
      size += value.length;
    }
  }
  const content = ended ? small(Buffer.concat(start)) : undefined;
  if (content !== undefined) {
    yield content;
    return;
  }
  const rest = async function* () {
    yield* start;
    yield* parts;
  };
  // Its failure comes out of the last of the streams.
  yield* pipeline(Readable.from(rest(), { objectMode: false }), createZstdDecompress(), () => {});
}

function small(frame: Buffer): Buffer | undefined {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: smallContent });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

/** The pieces of one frame, whose end only its blocks tell. */
async function* frameParts(input: Cursor, magic: Buffer): AsyncGenerator<Buffer> {
  const descriptor = await input.take(1);
  const flags = descriptor[0]!;
  const single = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3]!;
  const contentSize = [single ? 1 : 0, 2, 4, 8][flags >> 6]!;
  yield Buffer.concat([magic, descriptor, await input.take((single ? 0 : 1) + dictionary + contentSize)]);
  for (let last = false; !last;) {
    const header = await input.take(3);
    const value = header.readUIntLE(0, 3);
    last = (value & 1) === 1;
    const type = (value >> 1) & 3;
    if (type === 3) throw new Error('it has a block of no known type');
    yield Buffer.concat([header, await input.take(type === 1 ? 1 : value >> 3)]);
  }
  if ((flags & 4) !== 0) yield await input.take(4);
}

/** Takes bytes from pieces as they come. */
class Cursor {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    await this.#fill(1);
    return this.#rest.length === 0;
  }

  async take(size: number): Promise<Buffer> {
    await this.#fill(size);
    if (this.#rest.length < size) throw new Error('it was cut off');
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }

  async #fill(size: number): Promise<void> {
    if (this.#rest.length >= size) return;
    const pieces = [this.#rest];
    let length = this.#rest.length;
    while (length < size) {
      const { value, done } = await this.#pieces.next();
      if (done === true) break;
      pieces.push(value);
      length += value.length;
    }
    this.#rest = Buffer.concat(pieces);
  }
}
