import * as z from 'zod';
import { limits } from './limits.ts';
import { line } from './strict-json.ts';

/**
 * FORMAT.md, index.json: the payload's first entry, what the file holds and where. payload-spec/FORMAT.md
 * describes every byte; payload-spec/index.schema.json is generated from here. All offsets are absolute in
 * the file, all sizes in bytes.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const xxh128 = z.string().regex(/^[0-9a-f]{32}$/);
/** `sha256:HEX`, as in the OCI specification. */
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const crc32 = z.string().regex(/^[0-9a-f]{8}$/);
const size = z.int().nonnegative();
const name = z
  .string()
  .max(limits.nameBytes)
  .regex(
    /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))(?!.*\/(\/|$))[A-Za-z0-9._@+\-/]+$/,
    'a relative name inside the archive',
  );

const toolName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'the name of a tool');
/** Text that is printed, or named to other programs. */
const text = z.string().regex(line, 'a line of text');
/** As registries and `docker pull` write them; nothing that a program could take for an option. */
export const referenceShape: RegExp = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,511}$/;
const reference = z.string().regex(referenceShape, 'an image reference');

const entry = z.object({
  name,
  /** Of the content's first byte; the local header is right before it, padding included. */
  offset: size,
  size,
  /** Permission bits, e.g. 0o644: none beyond them, and nobody but the owner may write. */
  mode: z
    .int()
    .min(0)
    .max(0o755)
    .refine((mode) => (mode & 0o022) === 0, 'a mode that lets others write'),
  sha256,
  /** As in the local header, so that its bytes follow from the index alone. */
  crc32,
});

const layer = z.object({
  /** Of the blob as stored (compressed or not). */
  digest,
  mediaType: text,
  size,
  /** Of the uncompressed tar: the image config's `rootfs.diff_ids` entry. */
  diffId: digest,
  uncompressedSize: size,
});

const image = z.object({
  /** As the chart and `docker pull` name it: registry/path:tag. */
  reference,
  platform: z.object({ os: text, architecture: text }),
  manifest: z.object({ digest, size, mediaType: text }),
  /** Its digest is the image ID that the container runtime reports. */
  config: z.object({ digest, size }),
  layers: z.array(layer).max(limits.layers),
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
  images: z.array(reference).max(limits.images),
});

/**
 * XXH3-128 and SHA-256 of a piece of the file: chunk K covers [K * chunkSize, min((K + 1) * chunkSize,
 * coveredEnd)), where index.json's own entry (local header and content) counts as zeros.
 */
const chunk = z.tuple([xxh128, sha256]);

export const indexSchema = z.object({
  /** Readers refuse another major; additive fields raise the minor. */
  format: z.object({ major: z.literal(1), minor: z.int().nonnegative() }),
  product: text,
  title: text,
  command: text,
  version: text,
  /** Length of the file. */
  fileSize: size,
  /** Length of the executable in front of the archive. */
  headSize: size,
  /**
   * In the order of their bytes in the file, without index.json itself; each local header starts where the
   * one before ends.
   */
  entries: z.array(entry).max(limits.entries),
  /** `coveredEnd` is where the central directory starts. */
  chunks: z.object({
    chunkSize: size.min(limits.leastChunkSize).max(limits.chunkSize),
    coveredEnd: size,
    hashes: z.array(chunk),
  }),
  images: z.array(image).max(limits.images),
  archives: z.array(archive).max(limits.archives),
  /** Programs carried for the installer, by name: the entry that holds each. */
  tools: z.record(toolName, z.object({ entry: name, version: text })),
});

export type PayloadIndex = z.infer<typeof indexSchema>;
export type IndexEntry = PayloadIndex['entries'][number];
export type IndexImage = PayloadIndex['images'][number];
export type IndexLayer = IndexImage['layers'][number];
export type IndexArchive = PayloadIndex['archives'][number];
