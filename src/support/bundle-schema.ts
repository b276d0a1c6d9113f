import * as z from 'zod';

/** What `support-bundle --json` prints; docs/json.md is generated from it. */
export const bundleSchema = z.strictObject({
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  at: z.string().describe('ISO 8601, UTC.'),
  faults: z
    .array(
      z.strictObject({
        certainty: z
          .enum(['certain', 'likely', 'possible'])
          .describe(
            '`certain`: measured; `likely`: measured, and may follow from another; `possible`: not known.',
          ),
        title: z.string(),
        facts: z.array(z.string()).describe('What shows it.'),
        hint: z.string().optional().describe('The one command to try.'),
      }),
    )
    .describe('What is wrong now, the most certain first.'),
  collected: z
    .array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        tookMs: z.int(),
        missing: z.string().optional().describe('Why it, or a part of it, is missing.'),
        files: z.array(z.string()),
      }),
    )
    .describe('The parts of the bundle; also its file `bundle.json`.'),
});

export type BundleResult = z.infer<typeof bundleSchema>;
