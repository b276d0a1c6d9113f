import { z } from 'zod';

/**
 * `index.json`, the payload's first entry: what the file holds and where. payload-spec/FORMAT.md describes every byte;
 * payload-spec/index.schema.json is generated from here. All offsets are absolute in the file, all sizes in bytes.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const xxh128 = z.string().regex(/^[0-9a-f]{32}$/);
/** `sha256:HEX`, as in the OCI specification. */
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const crc32 = z.string().regex(/^[0-9a-f]{8}$/);
const size = z.int().nonnegative();
const name = z
  .string()
  .max(512)
  .regex(
    /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))(?!.*\/\/)[A-Za-z0-9._@+\-/]+$/,
    'a relative name inside the archive',
  );

const entry = z.object({
  name,
  /** Of the content's first byte; the local header lies right before it, padding included. */
  offset: size,
  size,
  /** Permission bits, e.g. 0o644. */
  mode: z.int().min(0).max(0o777),
  sha256,
  /** As in the local header, so that its bytes follow from the index alone. */
  crc32,
});

const layer = z.object({
  /** Of the blob as stored (compressed or not). */
  digest,
  mediaType: z.string(),
  size,
  /** Of the uncompressed tar: the image config's `rootfs.diff_ids` entry. */
  diffId: digest,
  uncompressedSize: size,
});

const image = z.object({
  /** As the chart and `docker pull` name it: registry/path:tag. */
  reference: z.string(),
  platform: z.object({ os: z.string(), architecture: z.string() }),
  manifest: z.object({ digest, size, mediaType: z.string() }),
  /** Its digest is the image ID that the container runtime reports. */
  config: z.object({ digest, size }),
  layers: z.array(layer),
});

/** An archive that is put together on read; `blobs/sha256/HEX` entries are its parts, in this order. */
const archive = z.object({
  name,
  /** Of the gzip file, byte for byte. */
  size,
  sha256,
  /** Of the tar inside: the gzip trailer's, known before the first byte is read. */
  crc32,
  /** References of the images inside, in the archive's order. */
  images: z.array(z.string()),
});

/**
 * XXH3-128 and SHA-256 of a piece of the file: chunk K covers [K * chunkSize, min((K + 1) * chunkSize, coveredEnd)), where
 * index.json's own entry (local header and content) counts as zeros.
 */
const chunk = z.tuple([xxh128, sha256]);

export const indexSchema = z.object({
  /** Readers refuse another major; additive fields raise the minor. */
  format: z.object({ major: z.literal(1), minor: z.int().nonnegative() }),
  product: z.string(),
  title: z.string(),
  command: z.string(),
  version: z.string(),
  /** Length of the whole file. */
  fileSize: size,
  /** Length of the executable in front of the archive. */
  headSize: size,
  /** In the order of their bytes in the file, without index.json itself; each local header begins where the one before ends. */
  entries: z.array(entry),
  /** `coveredEnd` is where the central directory begins. */
  chunks: z.object({ chunkSize: size.min(65_536), coveredEnd: size, hashes: z.array(chunk) }),
  images: z.array(image),
  archives: z.array(archive),
  /** Programs carried for the installer, by name: the entry that holds each. */
  tools: z.record(z.string(), z.object({ entry: name, version: z.string() })),
});

export type PayloadIndex = z.infer<typeof indexSchema>;
export type IndexEntry = PayloadIndex['entries'][number];
export type IndexImage = PayloadIndex['images'][number];
export type IndexLayer = IndexImage['layers'][number];
export type IndexArchive = PayloadIndex['archives'][number];
