import * as z from 'zod';
import type { State } from '../engine/state.ts';
import { schemaFingerprint } from '../host/schema-fingerprint.ts';
import { databaseMoment } from '../host/table-rows.ts';

/** Of `pgDump` in the state: the dump of the database from before the upgrade. */
export const pgDumpSchema = z.looseObject({
  folder: z.string(),
  path: z.string(),
  /** Of the file, as its SHA-256 is. */
  sizeBytes: z.int(),
  sha256: z.string(),
  /** Size of the text of a packed file; absent where the file is the text. */
  textBytes: z.int().optional(),
  rows: z.int(),
  /** Owner of the database, for the commands that restore it. */
  owner: z.string(),
  schemaVersion: z.int(),
  /** What the schema consisted of; absent in older records, and where the database did not tell. */
  schemaFingerprint: schemaFingerprint.optional(),
  /** When it was started: it holds the database as of then. */
  takenAt: z.string(),
  /** When it was complete; absent in older records. */
  endedAt: z.string().optional(),
  /** The same by the machine's uptime, which a change of the clock does not affect. */
  boot: z.object({ id: z.string(), uptimeSeconds: z.number() }).optional(),
  tables: z.record(z.string(), z.int()).optional(),
  /** Before it was started; absent in older records, and where the database did not tell. */
  moment: databaseMoment.optional(),
  /** Script that restores it; absent in older records. */
  restoreScript: z.string().optional(),
  /** File that installed the dumped release, and brings it back; absent where it was not recorded. */
  installedBy: z.string().optional(),
  /** Other databases of the same server, which are not in it. */
  otherDatabases: z.array(z.string()).optional(),
});

/** The known keys; others, of a newer program, are kept and not read. */
export type PgDump = Named<z.infer<typeof pgDumpSchema>>;

/** The latest dump of any run, or of a backup that was taken by hand after it. */
export const latestRecordedDump = ({
  derived,
  backups = [],
}: Pick<State, 'derived' | 'backups'>): PgDump | undefined =>
  [derived['pgDump'], ...backups.map(({ pgDump }) => pgDump)]
    .flatMap((one) => pgDumpSchema.safeParse(one).data ?? [])
    .reduce<PgDump | undefined>((last, one) => (last && last.takenAt > one.takenAt ? last : one), undefined);

type Named<T> = { [K in keyof T as string extends K ? never : K]: T[K] };
