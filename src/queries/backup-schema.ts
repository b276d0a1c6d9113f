import * as z from 'zod';

/** What `backup --json` and its actions print; docs/json.md is generated from it. */

export const backupEntrySchema = z.strictObject({
  name: z.string().describe('What `backup verify` takes.'),
  kind: z
    .enum(['backup', 'upgrade', 'rollback'])
    .describe('Taken by hand, by a run, or by `install --rollback-to`.'),
  takenBy: z
    .enum(['hand', 'rehearsal', 'upgrade', 'restore', 'rollback', 'run'])
    .describe('What took it; `restore`: of what was there before it; `run`: not recorded which.'),
  path: z.string().describe('Of the dump.'),
  takenAt: z.string(),
  by: z.string().nullable().describe('Who took it; null: a run, or not recorded.'),
  release: z.string().nullable().describe('The release of the data; null: not recorded.'),
  schemaVersion: z.int(),
  sizeBytes: z.int(),
  rows: z.int(),
  sha256: z.string(),
  anchor: z.string().nullable().describe('The version whose way back it is; null: of none.'),
  whole: z.boolean().describe('Whether the file is there with its recorded size.'),
  verified: z
    .strictObject({ at: z.string(), seconds: z.number() })
    .nullable()
    .describe(
      'When it was last restored into a database of its own, with all rows; null: never, or a later ' +
        'try has failed.',
    ),
  failed: z
    .strictObject({ at: z.string(), why: z.string() })
    .nullable()
    .describe('When it was last tried to verify it, and why that failed; null: it did not.'),
});

export const backupListSchema = z.strictObject({
  backups: z.array(backupEntrySchema).describe('Oldest first.'),
  unknown: z.array(z.string()).describe('Folders among the backups that nothing is recorded of.'),
});

export const prunedSchema = z.strictObject({
  removed: z.array(z.string()).describe('Folders; of `--dry-run` what would be removed.'),
  left: z.array(z.string()).describe('Folders of which something was left, because it is not ours.'),
  dryRun: z.boolean(),
});

export type BackupEntry = z.infer<typeof backupEntrySchema>;
export type BackupList = z.infer<typeof backupListSchema>;
export type Pruned = z.infer<typeof prunedSchema>;
