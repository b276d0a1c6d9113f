import * as z from 'zod';
import { runPlanSchema } from '../engine/run-plan.ts';
import { activateSchema } from '../queries/activate-schema.ts';
import { onPathSchema } from '../queries/on-path-schema.ts';

/** `data` of the event `result`, by command; docs/json.md is generated from these. */

const warnings = z.array(z.string());
const waivedHealth = z
  .array(z.strictObject({ title: z.string(), reason: z.string() }))
  .describe('Health steps that were waived: these routes were not verified.');

export const resultSchemas = {
  install: z.strictObject({
    version: z.string(),
    fqdn: z.string(),
    address: z.string().describe('Where browsers reach the product, with the scheme that was answered.'),
    values: z.string().describe('Path of the values file.'),
    storagePath: z
      .string()
      .nullable()
      .describe("Folder of the database's data; null: on a volume of `storageClass`."),
    storageClass: z.string().nullable().describe('Of the volume; null: the data are in a folder.'),
    keptData: z
      .strictObject({ version: z.string(), rows: z.int().nullable(), keptAt: z.string() })
      .nullable()
      .describe('That an uninstall had kept in `storagePath` and that are used again; null: none.'),
    entitlements: z.array(z.string()),
    waivedHealth,
    warnings,
  }),
  uninstall: z.strictObject({
    version: z.string().nullable().describe('That was removed; null: only empty folders were left of it.'),
    keptIn: z
      .string()
      .nullable()
      .describe('Folder with the last dump, older backups, values, state and logs.'),
    dump: z.string().nullable().describe('Path of the last dump.'),
    dumpSha256: z.string().nullable(),
    keptData: z.string().nullable().describe('Folder of the data that were kept.'),
    log: z.string().nullable().describe("Path of the run's log in `keptIn`, its page beside it; null: none."),
    left: z
      .array(z.strictObject({ what: z.string(), command: z.string().describe('That deletes or shows it.') }))
      .describe('What was not removed.'),
    warnings,
  }),
  upgrade: z.strictObject({
    from: z.string(),
    to: z.string(),
    chart: z.string().describe('Path of the chart.'),
    previousChart: z.string().nullable().describe('Where the old chart is kept.'),
    loadedImages: z.array(z.string()),
    schema: z
      .strictObject({
        before: z.int().nullable(),
        after: z.int().nullable(),
        differs: z.string().nullable().describe('What differs although the version is the same.'),
      })
      .describe('Of the database; null: not known.'),
    overlay: z.string().nullable().describe('Path of the values overlay.'),
    patches: z.array(z.string()).describe('Ids of the values patches in it.'),
    dataFolder: z
      .strictObject({
        live: z.string(),
        kept: z.string().describe('Where the data folder from before is.'),
        majors: z.strictObject({ from: z.int(), to: z.int() }).describe('Of PostgreSQL.'),
      })
      .nullable()
      .describe('The data went to another major version of PostgreSQL; null: they stayed where they are.'),
    dump: z
      .string()
      .nullable()
      .describe('Path of the dump from before Helm started; after a restore, of it.'),
    dumpSha256: z.string().nullable(),
    laterDump: z.string().nullable().describe('Path of a dump that was taken after Helm had started.'),
    snapshot: z.string().nullable().describe('Folder of the snapshot from before Helm started.'),
    laterSnapshot: z.string().nullable(),
    editedChart: z.string().nullable().describe('Where a chart is kept that was changed by hand.'),
    restart: z.string().nullable().describe('The pod that has to be deleted, in a sentence.'),
    helmByHand: z
      .string()
      .nullable()
      .describe('The command that applies the values file, while the schema is below the release’s.'),
    waivedHealth,
    warnings,
    activation: activateSchema.optional().describe('Of `--activate`: what was put on PATH.'),
  }),
  rehearse: z.strictObject({
    from: z.string(),
    to: z.string(),
    schema: z.strictObject({ before: z.int(), after: z.int() }).nullable().describe('Of the copy.'),
    seconds: z.number().nullable().describe('From the start of the pod until the schema was migrated.'),
    rows: z.int().nullable().describe('In the copy, before.'),
    dump: z.string().nullable().describe('Path of the dump that was restored: a backup.'),
    dumpSha256: z.string().nullable(),
    warnings,
  }),
  restore: z.strictObject({
    from: z.string().describe('The release before.'),
    version: z.string().describe('The release that is installed now.'),
    undo: z.boolean().describe('It took back the restore before it.'),
    dataOnly: z.boolean(),
    chartOnly: z.boolean().describe('The database stayed as it was.'),
    dump: z
      .string()
      .nullable()
      .describe('Path of the dump that was restored; null of `--undo` and `--chart-only`.'),
    movedDatabase: z.string().nullable().describe('Name of the database from before; null: none was moved.'),
    movedFolder: z
      .string()
      .nullable()
      .describe('Path of the data folder from before, of another major version of PostgreSQL; null: none.'),
    dumpBefore: z.string().nullable().describe('Path of the dump of what was there; null: none was taken.'),
    dumpBeforeSha256: z.string().nullable(),
    valuesBefore: z
      .string()
      .nullable()
      .describe('Where the values file from before is kept; null: it is the same.'),
    onPath: onPathSchema.nullable().describe('What the names on PATH start; null: `version`, or nothing.'),
    waivedHealth,
    warnings,
  }),
  discard: z.strictObject({
    discarded: z.array(z.string()).describe('Names of databases; of `--dry-run` what would be deleted.'),
    dryRun: z.boolean(),
  }),
  rollback: z.strictObject({
    version: z.string().describe('Of the install.'),
    to: z.string().describe('The step that the next install begins with.'),
    undone: z.array(z.string()).describe('Ids of the steps, newest first.'),
    dump: z.string().nullable().describe('Path of the last dump.'),
    dumpSha256: z.string().nullable(),
    removedData: z.string().nullable().describe("Where the database's folder is now; it is not deleted."),
    keptSecrets: z.string().nullable().describe('The file with the deleted Secrets.'),
    keptFiles: z.array(z.string()).describe('Files that were edited, and stay.'),
    next: z.string().describe('The command that resumes the install.'),
    warnings,
  }),
  plan: runPlanSchema,
  preflight: z.strictObject({
    preflight: z.looseObject({}).nullable().describe('The event `preflight.report` without `type`.'),
  }),
  repair: z.strictObject({
    repaired: z.boolean(),
    reason: z.string().optional().describe('Why there is nothing to repair.'),
    proposal: z.array(z.string()).optional().describe('What is written, or would be (`--dry-run`).'),
    host: z.array(z.string()).optional().describe('Of `--dry-run`: what was found on the host.'),
    problem: z.string().optional().describe('Of `--dry-run`: what is wrong with the state.'),
    kept: z.string().nullable().optional().describe('Where the old state is kept; null: there was none.'),
    values: z.string().nullable().optional().describe('The values file that was written; null: none.'),
    next: z.string().optional().describe('The command to type next.'),
  }),
  watch: z.strictObject({
    run: z.string().nullable().describe('Id of the run; null: none was recorded.'),
    status: z.string(),
    exitCode: z.int().nullable().describe('Of the run that was watched; null: not known.'),
    message: z.string().optional(),
    goOn: z.string().optional().describe('The command that resumes a run that was killed.'),
  }),
};
