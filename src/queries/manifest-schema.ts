import * as z from 'zod';
import { toldNotesSchema } from '../engine/told-notes.ts';

/**
 * What `manifest --json` prints; docs/json.md is generated from it. Only tests, the page and `--help` load
 * it: a query takes the types.
 */

const bytes = z.number();
const archiveState = z.enum(['same', 'matches', 'different', 'missing', 'unknown', 'unreadable']);

const image = z.strictObject({
  reference: z.string(),
  platform: z.string().describe('os/architecture.'),
  imageId: z.string().describe("The config's digest: the image ID that the container runtime reports."),
  layers: z.int(),
  sizeBytes: bytes.describe('Of manifest, config and layers as stored; shared layers count in each image.'),
  uniqueBytes: bytes.describe('Of what no other image of the payload has.'),
  uncompressedBytes: bytes,
  archives: z.array(z.string()).describe('Names of the archives that hold it.'),
  licence: z
    .strictObject({
      entitlements: z.array(z.string()).describe('Any of them brings the image.'),
      granted: z
        .boolean()
        .nullable()
        .describe('By the installed licence; null: none is installed, or it is not known.'),
    })
    .nullable()
    .describe('Of an image that a host needs only where its licence grants it; null: every host needs it.'),
  containerd: z
    .enum(['same', 'different', 'missing', 'unknown'])
    .describe('What containerd has under the reference; `unknown`: not asked, or no answer.'),
  containerdImageId: z
    .string()
    .nullable()
    .describe('Image ID that containerd has under the reference; null: there is none, or it is unknown.'),
  pinned: z
    .boolean()
    .nullable()
    .describe("Whether kubelet's garbage collection leaves it alone; null: there is none, or it is unknown."),
  cluster: z
    .enum(['runs', 'other', 'none', 'unknown'])
    .describe(
      "Whether pods in the product's namespace run it (`runs`), another image of its repository (`other`), " +
        'or neither (`none`).',
    ),
});

const archive = z.strictObject({
  name: z.string(),
  path: z.string().describe('On disk.'),
  state: archiveState.describe(
    '`matches`: size, final checksum and every header agree, contents not read; `same`: every byte ' +
      'read (`--deep`); `unknown`: written by another program, and not checked inside; `unreadable`: it ' +
      'cannot be read.',
  ),
  detail: z.string().optional().describe('What differs, or why nothing is known.'),
  sizeBytes: bytes,
  sha256: z.string(),
  images: z.array(z.string()).describe('References of the images inside.'),
});

export const manifestSchema = z.strictObject({
  product: z.string(),
  title: z.string(),
  version: z.string(),
  format: z.string().describe("MAJOR.MINOR of the payload's format."),
  key: z.string().nullable().describe('Fingerprint of the key that signed the payload; null: unsigned.'),
  payloadDigest: z.string().describe('SHA-256 of index.json, which names everything else.'),
  fileBytes: bytes,
  headBytes: bytes.describe('Of the executable.'),
  payloadBytes: bytes,
  images: z.array(image),
  archives: z.array(archive),
  files: z
    .array(z.strictObject({ name: z.string(), sizeBytes: bytes, sha256: z.string() }))
    .describe('Files that are neither image blobs nor archives.'),
  tools: z.array(z.strictObject({ name: z.string(), version: z.string() })),
  running: z
    .array(
      z.strictObject({
        reference: z.string().describe('As the pod names it.'),
        imageId: z
          .string()
          .describe(
            "As kubelet reports it: the config's digest or that of a name; empty before a container started.",
          ),
        image: z
          .string()
          .nullable()
          .describe('The image of this file that it is, by its reference; null: another one.'),
        pods: z.array(z.string()),
      }),
    )
    .nullable()
    .describe("Images of the containers in the product's namespace; null: the cluster is unknown."),
  load: z
    .strictObject({
      wanted: z.int().describe('How many images this host needs.'),
      images: z.array(z.string()).describe('Those of them that have to be loaded.'),
      bytes: bytes.describe('Of blobs that the content store lacks, each counted once.'),
      unpackedBytes: bytes.describe('Uncompressed bytes of those layers.'),
      counted: z
        .enum(['licence', 'every archive'])
        .describe('`licence`: what the installed licence grants; `every archive`: the licence is not known.'),
    })
    .nullable()
    .describe('What an upgrade would load; null: unknown, or an upgrade to this release is refused.'),
  noUpgrade: z
    .string()
    .optional()
    .describe('Why an upgrade to this release is refused; absent where it is not.'),
  unknown: z
    .strictObject({
      containerd: z.string().optional(),
      cluster: z.string().optional(),
      load: z.string().optional(),
      licence: z.string().optional(),
    })
    .describe('Why a part is unknown; absent for a part that answered.'),
  notes: z
    .strictObject({
      after: z
        .string()
        .nullable()
        .describe('The installed version; null: none is installed, or it is not known.'),
      releases: toldNotesSchema,
    })
    .describe('Release notes of releases newer than that, as far as this file has them; oldest first.'),
  refresh: z
    .array(z.strictObject({ command: z.string(), why: archiveState }))
    .describe('The commands that update the archives on disk to this payload.'),
});

export type ManifestReport = z.infer<typeof manifestSchema>;
export type ManifestImage = ManifestReport['images'][number];
export type ManifestArchive = ManifestReport['archives'][number];
