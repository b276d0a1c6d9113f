import * as z from 'zod';

/** What `verify --json` prints, the evidence; docs/json.md is generated from it. */

const time = z.string().describe('ISO 8601, UTC.');
const verdict = z.enum(['intact', 'damaged']);
const offset = z.number();

const trust = z.strictObject({
  verdict: z.enum(['trusted', 'refused', 'not compared']),
  because: z.string().optional(),
  comparedWith: z.string().optional().describe('Whose key it was compared with.'),
  source: z.string().optional().describe('Where that key was read.'),
  insteadOfState: z.string().optional().describe('Why that is not the installed release.'),
  key: z
    .string()
    .nullable()
    .optional()
    .describe('Fingerprint of that key; null: it was unsigned; absent: it was not recorded.'),
});

const release = z.strictObject({
  verdict: z.enum([
    'the same build',
    'another build of the same version',
    'older',
    'newer',
    'another product',
    'not compared',
  ]),
  comparedWith: z.string().optional().describe('Version of the release that is known.'),
  payloadDigest: z.string().optional().describe('Of that release.'),
});

const signature = z.strictObject({
  algorithm: z.literal('Ed25519'),
  key: z.string().describe('BASE64 of its 32 bytes.'),
  fingerprint: z.string(),
  over: z.literal('the trailer'),
  holds: z.literal(true),
  handovers: z
    .array(z.strictObject({ fingerprint: z.string(), holds: z.boolean() }))
    .describe('Old keys that hand over to this one.'),
});

export const verifySchema = z.strictObject({
  product: z.string(),
  title: z.string(),
  command: z.string(),
  version: z.string(),
  file: z
    .strictObject({
      path: z.string(),
      size: z.number(),
      device: z.string(),
      inode: z.string(),
      modifiedAt: time,
    })
    .describe('Which file was read.'),
  checkedBy: z
    .strictObject({ program: z.string(), format: z.string(), node: z.string() })
    .describe('The program that checked.'),
  begunAt: time,
  endedAt: time,
  payloadDigest: z.string().describe('SHA-256 of index.json, which covers everything in the file.'),
  bytes: z.number().describe('Bytes that were read.'),
  durationMs: z.number().describe('Of the scan alone.'),
  intact: z.boolean(),
  signature: signature.nullable().describe('null: unsigned.'),
  trust: trust.describe('Whether the key is trusted, compared with the known one.'),
  release: release
    .optional()
    .describe('Of another file: how its release compares with the one whose key it was compared with.'),
  parts: z
    .array(
      z.strictObject({
        what: z.string(),
        from: offset,
        to: offset,
        method: z.string(),
        verdict: z
          .enum([...verdict.options, 'unknown'])
          .describe(
            '`unknown`: the executable, where its last bytes are checked together with an entry ' +
              'that is damaged.',
          ),
      }),
    )
    .describe('The complete file without gaps: bytes [from, to), how they were checked, and the verdict.'),
  entries: z
    .array(
      z.strictObject({
        name: z.string(),
        offset,
        size: z.number(),
        sha256: z.string().describe('As read, not as the index says.'),
        crc32: z.string(),
        verdict,
      }),
    )
    .optional()
    .describe('With `--full`.'),
  damages: z
    .array(z.strictObject({ what: z.string(), from: offset, to: offset }))
    .describe('Damaged bytes [from, to) and what they belong to.'),
});

export type VerifyReport = z.infer<typeof verifySchema>;
export type TrustReport = VerifyReport['trust'];
