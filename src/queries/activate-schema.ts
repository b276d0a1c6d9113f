import * as z from 'zod';

/** What `activate --json` prints; docs/json.md is generated from it. */
export const activateSchema = z.strictObject({
  active: z.boolean().describe('Whether the names are on PATH now; false after `--undo`.'),
  changed: z.boolean(),
  version: z.string().nullable().describe('Of the executable that the names lead to; null after `--undo`.'),
  how: z.enum(['link', 'reflink', 'copy']).nullable().describe('As in the record; null after `--undo`.'),
  executable: z.string().nullable().describe('The file that the names lead to.'),
  names: z.array(z.string()).describe('The names on PATH.'),
  folders: z.array(z.string()).describe('The folders with a launcher of each name.'),
  removed: z.array(z.string()).describe('Of `--undo`: what was removed.'),
  left: z
    .array(z.strictObject({ path: z.string(), why: z.string() }))
    .describe('Of `--undo`: what was left, and why.'),
  notes: z.array(z.string()),
});

export type ActivateResult = z.infer<typeof activateSchema>;
