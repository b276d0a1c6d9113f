import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { IvaapError } from '../errors.ts';
import type { IndexArchive, PayloadIndex } from '../payload/index-schema.ts';
import { storedGzip } from './archive-gzip.ts';
import type { ArchivePart, NamedImage } from './archive-layout.ts';
import { archiveLayout, layoutFiles, partHeader, placeInTar } from './archive-layout.ts';
import { paddedSize, tarEnd } from './archive-tar.ts';

/** Gives a blob's bytes by digest. */
export type BlobSource = (digest: string) => AsyncIterable<Buffer>;

/** The tar's bytes, part after part. Blobs come from `blobs`, which checks them, and may be pieces of another kind than bytes. */
export async function* tarStream<Piece = Buffer>(
  parts: readonly ArchivePart[],
  blobs: (digest: string) => AsyncIterable<Piece>,
): AsyncGenerator<Buffer | Piece> {
  for (const part of parts) {
    yield partHeader(part);
    if ('bytes' in part.content) yield part.content.bytes;
    else yield* blobs(part.content.digest);
    const padding = paddedSize(part.size) - part.size;
    if (padding > 0) yield Buffer.alloc(padding);
  }
  yield tarEnd;
}

/** The .tar.gz of that archive, put together on the way. Throws IvaapError `payload` when it is not the one that the index names. */
export async function* archiveStream(
  index: Pick<PayloadIndex, 'images'>,
  archive: Pick<IndexArchive, 'name' | 'images' | 'crc32'>,
  blobs: BlobSource,
): AsyncGenerator<Buffer> {
  const { parts, tarSize } = archiveLayout(index, archive);
  const expected = Number.parseInt(archive.crc32, 16);
  let crc = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of tarStream(parts, blobs)) {
      crc = crc32(piece, crc);
      yield piece;
    }
  }
  yield* storedGzip(counted(), tarSize, () => {
    if (crc === expected) return crc;
    throw new IvaapError('payload', `${archive.name} came out otherwise than its index says`);
  });
}

/**
 * Hands a blob on and hashes it on its way; the last piece is held back until size and digest are proved, so that a consumer
 * never gets the whole of a wrong blob. Throws IvaapError `payload`.
 */
export async function* provedBlob(
  source: AsyncIterable<Buffer>,
  blob: { digest: string; size: number },
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  let size = 0;
  for await (const piece of source) {
    if (held !== undefined) yield held;
    held = piece;
    size += piece.length;
    hash.update(piece);
    if (size > blob.size) break;
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (size !== blob.size || digest !== blob.digest)
    throw new IvaapError('payload', `the image blob ${blob.digest} is damaged: it reads as ${digest}`);
  if (held !== undefined) yield held;
}

/**
 * An uncompressed OCI layout tar for `ctr images import -`: the images under the names given here, without the blobs in `omit`
 * (those that the content store already has). Every blob is proved by its digest on its way. `sizeBytes` is known before.
 */
export function ociTarStream(options: {
  images: readonly NamedImage[];
  blobs: BlobSource;
  omit?: ReadonlySet<string>;
}): { sizeBytes: number; stream: AsyncGenerator<Buffer> } {
  const { parts, tarSize } = placeInTar(
    layoutFiles(options.images, { docker: false, omit: options.omit ?? new Set() }),
  );
  const sizes = new Map(
    parts.flatMap(({ content, size }) => ('digest' in content ? [[content.digest, size] as const] : [])),
  );
  const proved: BlobSource = (digest) =>
    provedBlob(options.blobs(digest), { digest, size: sizes.get(digest) ?? 0 });
  return { sizeBytes: tarSize, stream: tarStream(parts, proved) };
}
