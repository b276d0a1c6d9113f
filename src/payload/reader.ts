import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { z } from 'zod';
import { IvaapError } from '../errors.ts';
import { placedEntries } from './format/index-check.ts';
import type { GzippedTar } from './format/archive-gzip.ts';
import type { ArchivePart } from './format/archive-layout.ts';
import { blobName } from './format/blob-name.ts';
import type { IndexArchive, PayloadIndex } from './format/index-schema.ts';
import { spokenName } from './locate.ts';
import type { ReadAt } from './position-reader.ts';
import { payloadReader } from './position-reader.ts';
import type { Product, Release } from './product-schema.ts';
import { isLine, strictJson } from './format/strict-json.ts';
import type { Trailer } from './format/trailer.ts';
import { chunkBounds, DamagedChunk, damagedRange, provedBytes } from './verified-read.ts';
import type { PlacedEntry } from './format/index-check.ts';
import type { ZipEntry } from './format/zip-records.ts';
import { centralDirectory, headerFits, localHeader } from './format/zip-records.ts';

/** Entries up to this size are read whole and checked by their own SHA-256; larger ones chunk by chunk. */
export const mostEntryBytes = 4 * 1024 * 1024;

/** What names a payload: the first fields of its index. */
export interface PayloadIdentity {
  product: string;
  title: string;
  command: string;
  version: string;
}

/** An open file that somebody else closes, or that `close` closes. */
export interface OpenFile {
  descriptor: number;
  close: () => Promise<void>;
}

/** The index as far as start-up needs it: its format and the four names. The rest is checked by {@link Payload.index}. */
function parsedIndex(content: Buffer, file: string): PayloadIndex {
  let index: PayloadIndex;
  try {
    index = strictJson(content) as PayloadIndex;
  } catch (cause) {
    throw contradictory(file, 'its index.json is not as a packer writes it', cause);
  }
  const major: unknown = index?.format?.major;
  if (major !== 1)
    throw new IvaapError(
      'payload',
      `${file} has payload format ${String(major)}, this program reads format 1`,
      {
        hint: 'use the executable that came with that payload',
      },
    );
  for (const key of ['product', 'title', 'command', 'version'] as const)
    if (!isLine(index[key])) throw contradictory(file, `${key} is no line of text`);
  return index;
}

function schemaProblem({ issues }: z.ZodError): string {
  const [{ path = [], message = 'unreadable' } = {}] = issues;
  return `${path.join('.')}: ${message}`;
}

/** The hashes are right and the contents are not: a packer's mistake, or somebody else's file. */
const contradictory = (file: string, why: string, cause?: unknown): IvaapError =>
  new IvaapError('payload', `the payload of ${file} contradicts itself: ${why}`, {
    hint: 'it was packed so: ask the vendor for another file',
    cause,
  });

/**
 * A payload, opened once and read through one descriptor, so that a file renamed or replaced under us changes nothing.
 * Every byte that it gives out has been checked against the index with SHA-256.
 */
export class Payload {
  readonly path: string;
  /** The file in messages. */
  readonly spokenName: string;
  readonly trailer: Trailer;
  /** SHA-256 of index.json, which names everything else: the payload's digest, as in state.json. */
  readonly digest: string;
  readonly identity: PayloadIdentity;
  /** For the scan; everybody else reads through the methods below. */
  readonly descriptor: number;
  readonly readAt: ReadAt;
  /** Where the comment, which is the trailer, begins. */
  readonly commentOffset: number;
  readonly #close: () => Promise<void>;
  readonly #content: Buffer;
  readonly #unproved: PayloadIndex;
  readonly #once = new Map<string, Promise<unknown>>();

  constructor(file: OpenFile, path: string, trailer: Trailer, commentLength: number, content: Buffer) {
    this.descriptor = file.descriptor;
    this.#close = file.close;
    this.path = path;
    this.spokenName = spokenName(path);
    this.readAt = payloadReader(file.descriptor, this.spokenName);
    this.trailer = trailer;
    this.commentOffset = trailer.fileSize - commentLength;
    this.digest = trailer.indexSha256;
    this.#content = content;
    this.#unproved = parsedIndex(content, this.spokenName);
    const { product, title, command, version } = this.#unproved;
    this.identity = { product, title, command, version };
  }

  /** The whole index, checked once: by schema, against itself, against its local header, and the zip directory with it. */
  index(): Promise<PayloadIndex> {
    return this.#onceOnly('index', async () => {
      const { indexSchema } = await import('./format/index-schema.ts');
      const { indexContradiction } = await import('./format/index-check.ts');
      const parsed = indexSchema.safeParse(this.#unproved);
      if (!parsed.success) throw contradictory(this.spokenName, schemaProblem(parsed.error));
      const index = parsed.data;
      const why = indexContradiction(index, this.indexEnd, this.trailer.fileSize);
      if (why !== undefined) throw contradictory(this.spokenName, why);
      const own = {
        name: 'index.json',
        size: this.trailer.indexLength,
        crc32: crc32(this.#content).toString(16).padStart(8, '0'),
        mode: 0o644,
        headerOffset: index.headSize,
        offset: this.trailer.indexOffset,
      };
      if (!headerFits(own)) throw contradictory(this.spokenName, 'no local header fits before index.json');
      await this.assertHeader(own);
      await this.#checkDirectory([own, ...placedEntries(index, this.indexEnd)], index.chunks.coveredEnd);
      return index;
    });
  }

  /** Where the content of index.json ends and the first entry's local header begins. */
  get indexEnd(): number {
    return this.trailer.indexOffset + this.trailer.indexLength;
  }

  /** What is true of the product whatever its release. */
  product(): Promise<Product> {
    return this.#onceOnly('product', async () => {
      const { productSchema } = await import('./product-schema.ts');
      const product = await this.#parsed('product.json', productSchema);
      // Who follows the product's name, such as a key that hands over, must not follow another one's data.
      for (const key of ['title', 'command'] as const)
        this.#assertNamed(`product.json's ${key}`, product[key], key);
      this.#assertNamed("product.json's name", product.name, 'product');
      return product;
    });
  }

  /** What is true of this release. */
  release(): Promise<Release> {
    return this.#onceOnly('release', async () => {
      const { releaseSchema } = await import('./product-schema.ts');
      const release = await this.#parsed('release.json', releaseSchema);
      this.#assertNamed("release.json's version", release.version, 'version');
      return release;
    });
  }

  #assertNamed(what: string, value: string, key: keyof PayloadIdentity): void {
    if (value === this.identity[key]) return;
    throw contradictory(
      this.spokenName,
      `${what} is ${value}, and its index.json says ${this.identity[key]}`,
    );
  }

  /** The entry of that name; throws IvaapError `payload` when there is none. */
  async entry(name: string): Promise<PlacedEntry> {
    const entries = await this.#onceOnly('entries', async () => {
      const placed = placedEntries(await this.index(), this.indexEnd);
      return new Map(placed.map((entry) => [entry.name, entry]));
    });
    const entry = entries.get(name);
    if (entry === undefined)
      throw new IvaapError('payload', `the payload holds no ${name}`, {
        hint: `\`${this.identity.command} manifest\` lists what it holds`,
      });
    return entry;
  }

  /** A whole entry in memory, proved; for small ones. Throws IvaapError `payload` for one that is too large for that. */
  async readEntry(name: string): Promise<Buffer> {
    const entry = await this.entry(name);
    if (entry.size > mostEntryBytes)
      throw contradictory(this.spokenName, `${name} has ${entry.size} bytes; ${mostEntryBytes} are the most`);
    await this.assertHeader(entry);
    const to = entry.offset + entry.size;
    const content = await this.readAt(entry.offset, entry.size);
    if (hash('sha256', content) !== entry.sha256) throw damagedRange(this.spokenName, name, entry.offset, to);
    return content;
  }

  /** An entry's bytes from `start` up to `end` (exclusive), each piece proved before it is handed on. */
  async *streamEntry(name: string, range: { start?: number; end?: number } = {}): AsyncGenerator<Buffer> {
    const entry = await this.entry(name);
    const { start = 0, end = entry.size } = range;
    if (entry.size <= mostEntryBytes) {
      const content = await this.readEntry(name);
      if (start < end) yield content.subarray(start, end);
      return;
    }
    await this.assertHeader(entry);
    const { chunks, headSize } = await this.index();
    const file = {
      readAt: this.readAt,
      chunks,
      zeroed: { from: headSize, to: this.indexEnd },
    };
    try {
      yield* provedBytes(file, entry.offset + start, entry.offset + end);
    } catch (error) {
      throw error instanceof DamagedChunk ? await this.damageOf(error, [entry]) : error;
    }
  }

  /** An image blob by digest (`sha256:HEX`), proved. */
  blob(digest: string): AsyncGenerator<Buffer> {
    return this.streamEntry(blobName(digest));
  }

  /** The archive of that name; throws IvaapError `payload` when there is none. */
  async archive(name: string): Promise<IndexArchive> {
    const archive = (await this.index()).archives.find((candidate) => candidate.name === name);
    if (archive === undefined) throw new IvaapError('payload', `the payload holds no archive ${name}`);
    return archive;
  }

  /** An image archive (a .tar.gz), put together from proved blobs; `archive(name)` knows its size and SHA-256. */
  async *streamArchive(name: string): AsyncGenerator<Buffer> {
    const archive = await this.archive(name);
    const { archiveStream } = await import('./format/archive-stream.ts');
    const { parts, gzip } = await this.archiveContent(archive);
    yield* archiveStream(parts, gzip, (digest) => this.blob(digest));
  }

  /** What an archive is put together from. Throws IvaapError `payload` when its parts do not have the CRC-32 that the index gives it. */
  async archiveContent(archive: IndexArchive): Promise<{ parts: ArchivePart[]; gzip: GzippedTar }> {
    const { archiveLayout } = await import('./format/archive-layout.ts');
    const { tarCrc32 } = await import('./format/archive-stream.ts');
    const index = await this.index();
    const { parts, tarSize } = archiveLayout(index, archive);
    const entries = new Map(index.entries.map((entry) => [entry.name, entry]));
    const crc32 = tarCrc32(parts, (digest) => Number.parseInt(entries.get(blobName(digest))!.crc32, 16));
    if (crc32 === Number.parseInt(archive.crc32, 16)) return { parts, gzip: { tarSize, crc32 } };
    throw new IvaapError('payload', `${archive.name} would come out otherwise than its index says`);
  }

  async close(): Promise<void> {
    await this.#close();
  }

  /** Nothing here reads the zip's own directory, but other tools do: it has to list what the index lists, byte for byte. */
  async #checkDirectory(entries: readonly ZipEntry[], from: number): Promise<void> {
    const implied = centralDirectory(entries, from, this.trailer.fileSize - this.commentOffset);
    const isThere = from + implied.length === this.commentOffset;
    if (!isThere || !(await this.readAt(from, implied.length)).equals(implied))
      throw damagedRange(this.spokenName, 'the zip directory', from, this.commentOffset);
    if (hash('sha256', implied) !== this.trailer.directorySha256)
      throw damagedRange(this.spokenName, 'the trailer', this.commentOffset, this.trailer.fileSize);
  }

  /** What is damaged in a chunk while `read` was read: not always that, since entries share chunks. */
  async damageOf({ number, cause }: DamagedChunk, read: readonly PlacedEntry[]): Promise<IvaapError> {
    const { namedDamages } = await import('./scan.ts');
    const damages = await namedDamages(this, [number]);
    const named = damages.find(({ what }) => read.some(({ name }) => name === what)) ?? damages[0];
    if (named !== undefined) return damagedRange(this.spokenName, named.what, named.from, named.to, cause);
    // Whole when it was read again: the disk, or memory, is not to be relied on.
    const { from, to } = chunkBounds((await this.index()).chunks, number);
    const inReach = read.find((entry) => entry.headerOffset < to && entry.offset + entry.size > from);
    return damagedRange(this.spokenName, inReach?.name ?? 'what was read', from, to, cause);
  }

  async #parsed<T>(name: string, schema: z.ZodType<T>): Promise<T> {
    try {
      return schema.parse(strictJson(await this.readEntry(name), 1));
    } catch (cause) {
      if (cause instanceof IvaapError) throw cause;
      throw contradictory(this.spokenName, `${name} is not what this program reads`, cause);
    }
  }

  /** Throws IvaapError `payload` when an entry's local header is not the one that the index implies. */
  async assertHeader(entry: ZipEntry): Promise<void> {
    const implied = localHeader(entry);
    const found = await this.readAt(entry.headerOffset, implied.length);
    if (!found.equals(implied))
      throw damagedRange(this.spokenName, `${entry.name} (its header)`, entry.headerOffset, entry.offset);
  }

  #onceOnly<T>(what: string, make: () => Promise<T>): Promise<T> {
    const made = (this.#once.get(what) as Promise<T> | undefined) ?? make();
    this.#once.set(what, made);
    return made;
  }
}
