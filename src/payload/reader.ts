import { hash } from 'node:crypto';
import { IvaapError } from '../errors.ts';
import type { ChunkedFile } from './chunked-file.ts';
import { DamagedChunk } from './chunked-file.ts';
import type { PlacedEntry } from './format/entries.ts';
import { blobName, placedEntries } from './format/entries.ts';
import type { IndexArchive, PayloadIndex } from './format/index-schema.ts';
import { limits } from './format/limits.ts';
import type { Trailer } from './format/trailer.ts';
import type { PayloadIdentity } from './identity.ts';
import { parsedIndex } from './identity.ts';
import { displayName } from './locate.ts';
import { contradictory, damagedRange } from './payload-errors.ts';
import type { ReadAt } from './position-reader.ts';
import { payloadReader } from './position-reader.ts';
import type { Product, Release } from './product-schema.ts';
import { assertHeader, provedBytes } from './verified-read.ts';

/** An open file that somebody else closes, or that `close` closes. */
export interface OpenFile {
  descriptor: number;
  close: () => Promise<void>;
}

/**
 * A payload, opened once and read through one descriptor, so that a file renamed or replaced under us changes
 * nothing. Every byte that it gives out has been checked against the index with SHA-256.
 */
export class Payload {
  readonly path: string;
  /** The file in messages. */
  readonly displayName: string;
  readonly trailer: Trailer;
  /** SHA-256 of index.json, which names everything else: the payload's digest, as in state.json. */
  readonly digest: string;
  readonly identity: PayloadIdentity;
  /** For the scan; everybody else reads through the methods below. */
  readonly descriptor: number;
  readonly readAt: ReadAt;
  /** Where the comment, which is the trailer, starts. */
  readonly commentOffset: number;
  readonly #close: () => Promise<void>;
  readonly #content: Buffer;
  readonly #unproved: PayloadIndex;
  readonly #once = new Map<string, Promise<unknown>>();

  constructor(file: OpenFile, path: string, trailer: Trailer, commentLength: number, content: Buffer) {
    this.descriptor = file.descriptor;
    this.#close = file.close;
    this.path = path;
    this.displayName = displayName(path);
    this.readAt = payloadReader(file.descriptor, this.displayName);
    this.trailer = trailer;
    this.commentOffset = trailer.fileSize - commentLength;
    this.digest = trailer.indexSha256;
    this.#content = content;
    this.#unproved = parsedIndex(content, this.displayName);
    const { product, title, command, version } = this.#unproved;
    this.identity = { product, title, command, version };
  }

  /**
   * The complete index, checked once: by schema, against itself, against its local header, and the zip
   * directory with it.
   */
  index(): Promise<PayloadIndex> {
    return this.#onceOnly('index', async () => {
      const { checkedIndex } = await import('./checked-index.ts');
      return checkedIndex(this, this.#unproved, this.#content);
    });
  }

  /** The file as far as its chunks go. */
  async chunkedFile(): Promise<ChunkedFile> {
    const { chunks, headSize } = await this.index();
    const { descriptor, readAt } = this;
    return { descriptor, readAt, chunks, zeroed: { from: headSize, to: this.indexEnd } };
  }

  /** Where the content of index.json ends and the first entry's local header starts. */
  get indexEnd(): number {
    return this.trailer.indexOffset + this.trailer.indexLength;
  }

  /** What is true of the product whatever its release. */
  product(): Promise<Product> {
    return this.#onceOnly('product', async () => (await import('./documents.ts')).readProduct(this));
  }

  /** What is true of this release. */
  release(): Promise<Release> {
    return this.#onceOnly('release', async () => (await import('./documents.ts')).readRelease(this));
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

  /**
   * A complete entry in memory, proved; for small ones. Throws IvaapError `payload` for one that is too large
   * for that.
   */
  async readEntry(name: string): Promise<Buffer> {
    const entry = await this.entry(name);
    if (entry.size > limits.entryInMemoryBytes)
      throw contradictory(
        this.displayName,
        `${name} has ${entry.size} bytes; at most ${limits.entryInMemoryBytes} are allowed`,
      );
    await assertHeader(this, entry);
    const to = entry.offset + entry.size;
    const content = await this.readAt(entry.offset, entry.size);
    if (hash('sha256', content) !== entry.sha256)
      throw damagedRange(this.displayName, name, entry.offset, to);
    return content;
  }

  /** An entry's bytes from `start` up to `end` (exclusive), each piece proved before it is handed on. */
  async *streamEntry(name: string, range: { start?: number; end?: number } = {}): AsyncGenerator<Buffer> {
    const entry = await this.entry(name);
    const { start = 0, end = entry.size } = range;
    if (entry.size <= limits.entryInMemoryBytes) {
      const content = await this.readEntry(name);
      if (start < end) yield content.subarray(start, end);
      return;
    }
    await assertHeader(this, entry);
    try {
      yield* provedBytes(await this.chunkedFile(), entry.offset + start, entry.offset + end);
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error;
      const { damageOf } = await import('./named-damages.ts');
      throw await damageOf(this, error, [entry]);
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

  /**
   * An image archive (a .tar.gz), put together from proved blobs; `archive(name)` knows its size and SHA-256.
   */
  async *streamArchive(name: string): AsyncGenerator<Buffer> {
    const archive = await this.archive(name);
    const { archiveContent, archiveStream } = await import('./format/archive-stream.ts');
    const { parts, gzip } = archiveContent(await this.index(), archive);
    yield* archiveStream(parts, gzip, (digest) => this.blob(digest));
  }

  async close(): Promise<void> {
    await this.#close();
  }

  #onceOnly<T>(what: string, make: () => Promise<T>): Promise<T> {
    const made = (this.#once.get(what) as Promise<T> | undefined) ?? make();
    this.#once.set(what, made);
    return made;
  }
}
