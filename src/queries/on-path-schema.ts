import * as z from 'zod';

/** Names on PATH that start another release than the installed one, as `status` and `restore` tell of it. */
export const onPathSchema = z.strictObject({
  version: z.string().describe('The release that they start.'),
  names: z.array(z.string()),
  activate: z
    .string()
    .nullable()
    .describe('The command that puts the installed one there; null: its file is not where it was.'),
});
