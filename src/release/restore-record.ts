import * as z from 'zod';
import type { RunRecord, State } from '../engine/state.ts';
import { schemaFingerprint } from '../host/schema-fingerprint.ts';
import { asideFolder } from './data-folders.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';

/** What a restore was asked for, as its run records it: so the same command resumes it. */

/** A release as `installed` records it. */
const releaseSchema = z.looseObject({
  version: z.string(),
  payloadDigest: z.string(),
  completedAt: z.string(),
});

export const targetSchema = z.object({
  /** It takes back an earlier restore. */
  undo: z.boolean(),
  /** Chart, values and release stay as they are. */
  dataOnly: z.boolean(),
  /** The database stays as it is. */
  chartOnly: z.boolean().default(false),
  /** Of `chartOnly`: what the schema was, and has to be. */
  schemaWas: z.object({ version: z.int(), fingerprint: schemaFingerprint }).nullable().default(null),
  /** The release that is installed afterwards. */
  release: releaseSchema,
  /** What is loaded; null where a database that was moved comes back, or none does. */
  dump: pgDumpSchema.nullable(),
  /** The dump is a file that was named: what else lies in its folder does not belong to it. */
  file: z.boolean().default(false),
  /** Name of that database. */
  moved: z.string().nullable(),
  /**
   * A data folder of another major version of PostgreSQL that comes back instead of a database, and where the
   * live one is.
   */
  folder: asideFolder.nullable().default(null),
  /** Folders of the chart, and of values and overlay; null of `dataOnly`. */
  chart: z.string().nullable(),
  files: z.string().nullable(),
  /** Folder of the dump whose roles belong to it; null where they stay as they are. */
  roles: z.string().nullable(),
  /** The release of the database that is there now. */
  before: releaseSchema,
});

export type RestoreTarget = Omit<z.infer<typeof targetSchema>, 'dump'> & { dump: PgDump | null };

/** What a run of the flow was started for; undefined of any other run. */
export function recordedTarget(run: Readonly<RunRecord> | undefined): RestoreTarget | undefined {
  return run?.flow === 'restore' ? targetSchema.safeParse(run.answers?.target).data : undefined;
}

/** Ids of the steps whose records others read. */
export const loadId = 'restore_load';
export const swapId = 'restore_swap';
export const folderId = 'restore_folder';

/** A data folder that was moved aside. */
export interface DataFolder extends z.infer<typeof asideFolder> {
  /** The release that worked with it. */
  version: string;
}

/** It is in the list of those that were moved aside from here on. */
export function recordDataFolder(draft: State, folder: DataFolder, at: string): void {
  const others = (draft.dataFolders ?? []).filter(({ path }) => path !== folder.path);
  draft.dataFolders = [...others, { at, ...folder }];
}

/** Of the step that loads the dump. */
export const copySchema = z.object({
  restoreCopy: z.object({
    name: z.string(),
    rows: z.int(),
    schemaVersion: z.int(),
    seconds: z.number(),
  }),
});

/** Of the steps that move the database and replace the files, what they record before they do it. */
export const movedSchema = z.object({ movedDatabase: z.string() });
export const keptFilesSchema = z.object({ filesBefore: z.string() });
