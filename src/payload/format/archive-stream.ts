import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { IvaapError } from '../../errors.ts';
import { combineCrc32 } from './archive-crc32.ts';
import type { GzippedTar } from './archive-gzip.ts';
import { storedGzip } from './archive-gzip.ts';
import type { ArchivePart, NamedImage } from './archive-layout.ts';
import { archiveLayout, layoutFiles, partHeader, placeInTar } from './archive-layout.ts';
import { paddedSize, tarEnd } from './archive-tar.ts';
import { blobName } from './entries.ts';
import type { IndexArchive, PayloadIndex } from './index-schema.ts';

/** Gives a blob's bytes by digest. */
export type BlobSource = (digest: string) => AsyncIterable<Buffer>;

/** A run of a tar: bytes that are made, or a blob. */
export type TarSegment = { bytes: Buffer } | { digest: string; size: number };

/** What a tar is put together from, in its order. */
export function* tarSegments(parts: readonly ArchivePart[]): Generator<TarSegment> {
  for (const part of parts) {
    const { content, size } = part;
    yield { bytes: partHeader(part) };
    yield 'bytes' in content ? content : { digest: content.digest, size };
    const padding = paddedSize(size) - size;
    if (padding > 0) yield { bytes: Buffer.alloc(padding) };
  }
  yield { bytes: tarEnd };
}

/** The CRC-32 of a tar by those of its blobs: none of them is read. */
function tarCrc32(parts: readonly ArchivePart[], crcOf: (digest: string) => number): number {
  let crc = 0;
  for (const segment of tarSegments(parts)) {
    if ('bytes' in segment) crc = crc32(segment.bytes, crc);
    else crc = combineCrc32(crc, crcOf(segment.digest), segment.size);
  }
  return crc;
}

/**
 * What an archive is put together from. Throws IvaapError `payload` when its parts do not have the CRC-32
 * that the index gives it.
 */
export function archiveContent(
  index: Pick<PayloadIndex, 'entries' | 'images'>,
  archive: IndexArchive,
): { parts: ArchivePart[]; gzip: GzippedTar } {
  const { parts, tarSize } = archiveLayout(index, archive);
  const entries = new Map(index.entries.map((entry) => [entry.name, entry]));
  const crc = tarCrc32(parts, (digest) => Number.parseInt(entries.get(blobName(digest))!.crc32, 16));
  if (crc === Number.parseInt(archive.crc32, 16)) return { parts, gzip: { tarSize, crc32: crc } };
  throw new IvaapError('payload', `${archive.name} would differ from what its index says`);
}

/** The tar's bytes, part after part. Blobs come from `blobs`, which checks them. */
async function* tarStream(parts: readonly ArchivePart[], blobs: BlobSource): AsyncGenerator<Buffer> {
  for (const segment of tarSegments(parts)) {
    if ('bytes' in segment) yield segment.bytes;
    else yield* blobs(segment.digest);
  }
}

/** The .tar.gz of those parts, put together on the way. */
export async function* archiveStream(
  parts: readonly ArchivePart[],
  gzip: GzippedTar,
  blobs: BlobSource,
): AsyncGenerator<Buffer> {
  yield* storedGzip(tarStream(parts, blobs), gzip);
}

/**
 * Hands a blob on and hashes it on its way; the last piece is kept until size and digest are proved, so
 * that a consumer never gets all of a wrong blob. Throws IvaapError `payload`.
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
 * An uncompressed OCI layout tar for `ctr images import -`: the images under the names given here, without
 * the blobs in `omit` (those that the content store already has). Every blob is proved by its digest on its
 * way. `sizeBytes` is known before.
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
