import * as z from 'zod';

/** What `extract-file --json` and `extract --json` print; docs/json.md is generated from it. */

export const extractedFileSchema = z.strictObject({
  name: z.string().describe('Of the archive or file in the payload.'),
  path: z.string().describe('What was written.'),
  sizeBytes: z.number(),
  replaced: z.boolean().describe('Whether a file was there.'),
});

export const extractedTreeSchema = z.strictObject({
  path: z.string().describe('The folder that was made.'),
  sizeBytes: z.number(),
  files: z.array(z.string()).describe('Names of the files below it.'),
});

export type ExtractedFile = z.infer<typeof extractedFileSchema>;
export type ExtractedTree = z.infer<typeof extractedTreeSchema>;
