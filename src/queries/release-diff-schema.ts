import * as z from 'zod';
import { toldNotesSchema } from '../engine/told-notes.ts';

/**
 * What `manifest --diff FILE --json` prints: from FILE's release to this file's. docs/json.md is generated
 * from it.
 */

const release = z.strictObject({
  product: z.string(),
  title: z.string(),
  version: z.string(),
  format: z.string().describe("MAJOR.MINOR of the payload's format."),
  key: z.string().nullable().describe('Fingerprint of the key that signed it; null: unsigned.'),
  payloadDigest: z.string().describe('SHA-256 of index.json: equal digests are equal payloads.'),
  schema: z
    .strictObject({ min: z.int(), target: z.int() })
    .describe('Database schema: the oldest that it works with, and the one that it migrates to.'),
  postgresMajor: z.int(),
  payloadBytes: z.number(),
});

const names = z.array(z.string());
const namedChanges = z.strictObject({ added: names, changed: names, removed: names });
const newLayers = z.int();
const newBytes = z.number().describe('Of new layers, with manifest and config.');

export const releaseDiffSchema = z.strictObject({
  from: release.describe("The other file's release."),
  to: release.describe("This file's release."),
  images: z.strictObject({
    added: z.array(z.strictObject({ reference: z.string(), imageId: z.string(), newLayers, newBytes })),
    changed: z
      .array(
        z.strictObject({
          from: z.string(),
          to: z.string(),
          imageId: z.strictObject({ from: z.string(), to: z.string() }),
          newLayers: newLayers.describe('Layers of the new image that no image of the old release has.'),
          newBytes,
        }),
      )
      .describe('Another config digest, under the same name or the same repository.'),
    renamed: z
      .array(z.strictObject({ from: z.string(), to: z.string(), imageId: z.string() }))
      .describe('The same image under another name.'),
    removed: z.array(z.strictObject({ reference: z.string(), imageId: z.string() })),
    unchanged: names,
  }),
  newLayers: newLayers.describe('Layers that the old release lacks, each once.'),
  newBytes: z
    .number()
    .describe('Blobs that the old release lacks, each once: at most this has to be loaded.'),
  notes: toldNotesSchema.describe(
    'Release notes of the newer release, of what is newer than the older one; oldest first.',
  ),
  chart: namedChanges.describe("Names below the chart's folder."),
  files: namedChanges.describe('Files that are neither chart, blob nor tool.'),
  archives: namedChanges,
  tools: z.array(
    z.strictObject({
      name: z.string(),
      from: z.string().nullable().describe('Version; null: it has none.'),
      to: z.string().nullable(),
      sameBytes: z.boolean(),
    }),
  ),
});

export type ReleaseDiff = z.infer<typeof releaseDiffSchema>;
export type ReleaseFacts = ReleaseDiff['from'];
export type NamedChanges = ReleaseDiff['chart'];
