import * as z from 'zod';
import type { Returning } from '../engine/step.ts';
import { type PgDump, pgDumpSchema } from './dump-record.ts';

/**
 * Results of the upgrade's steps that other code than steps reads; each step is built from its entry here.
 */

export const dumpResult: Returning<{ pgDump: PgDump }> = {
  id: 'upgrade_pg_backup',
  out: z.object({ pgDump: pgDumpSchema }),
};

/** Ids of the steps around a change of PostgreSQL's major version, whose records others read. */
export const haltId = 'upgrade_halt';
export const newDataId = 'upgrade_pg_load';
export const switchId = 'upgrade_pg_switch';

/** An upgrade that takes the data from one major version of PostgreSQL to another one. */
export const majorChangeSchema = z.object({
  from: z.int(),
  to: z.int(),
  /** The data folder. */
  folder: z.string(),
});

export type MajorChange = z.infer<typeof majorChangeSchema>;

/** Of the step that has switched the data folders. */
export const switchResult = {
  id: switchId,
  out: z.object({
    dataFolder: z.object({
      live: z.string(),
      /** Where the one from before is. */
      kept: z.string(),
      majors: z.object({ from: z.int(), to: z.int() }),
    }),
  }),
};

/** What that step records of a dump that lacks rows, before it fails. */
export const lackingDump = z.object({ lacksRows: z.string() });

/** Of `snapshot` in the state: what the host and Helm knew of the release before the upgrade. */
const snapshotSchema = z.object({
  folder: z.string(),
  files: z.array(z.string()).min(1),
  helmRevision: z.int(),
});

export const snapshotResult = {
  id: 'upgrade_snapshot',
  out: z.object({ snapshot: snapshotSchema }),
};

export const chartSwapResult = {
  id: 'upgrade_chart_swap',
  out: z.object({
    chart: z.object({ path: z.string(), version: z.string() }),
    /** The old chart in the backup's folder; null where there was none. */
    previousChart: z.string().nullable(),
    /** Where a chart that somebody has edited was moved; absent in older records. */
    editedChart: z.string().nullable().optional(),
  }),
};

/** Of `helm` in the state; `values` is the SHA-256 of the operator's file that Helm was given. */
export const deployedSchema = z.object({
  revision: z.int().nullable(),
  version: z.string(),
  values: z.string(),
});

/** Of `schema` in the state: versions of the database's schema, null where the database did not answer. */
export const schemaMoveSchema = z.object({
  before: z.int().nullable(),
  after: z.int().nullable(),
  target: z.int(),
  /** What differs although the version is the same; absent in older records. */
  differs: z.string().nullable().optional(),
});

export const helmResult = {
  id: 'upgrade_helm',
  out: z.object({
    helm: deployedSchema,
    schema: schemaMoveSchema,
    /** Command that deletes the pods that still run with the old setting; absent in older records. */
    restart: z.string().nullable().optional(),
    release: z.string(),
  }),
};
