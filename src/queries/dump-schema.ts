import * as z from 'zod';

/**
 * The file beside a dump that was taken by hand, and what `--json` prints; docs/json.md is generated from it.
 */
export const dumpNoteSchema = z.strictObject({
  product: z.string(),
  version: z.string().nullable().describe('The installed release; null: not known.'),
  unfinishedRun: z
    .strictObject({ flow: z.string(), from: z.string().nullable(), to: z.string() })
    .nullable()
    .describe('A run that had not completed when the dump was taken.'),
  database: z.string(),
  schemaVersion: z.int().describe("Of the product's schema in the dump."),
  serverVersion: z.string().describe("PostgreSQL's."),
  file: z.string().describe('Path of the dump.'),
  sizeBytes: z.int(),
  sha256: z.string().describe("Of the dump's file."),
  rows: z.int().describe('Of all tables, counted in the dump.'),
  tables: z.record(z.string(), z.int()).describe('Rows of each table.'),
  otherDatabases: z
    .array(z.string())
    .nullable()
    .describe('Databases of the same server, which are not in the dump; null: not known.'),
  takenAt: z.string().describe('When it was started: it holds the database as of then.'),
  endedAt: z.string(),
  by: z.string().describe('Who took it.'),
  program: z.string().describe('Product and version of the program that took it.'),
});

export type DumpNote = z.infer<typeof dumpNoteSchema>;
