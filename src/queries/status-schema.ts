import * as z from 'zod';
import { stateSchema } from '../engine/state.ts';
import { knownSchema } from './known-schema.ts';
import { onPathSchema } from './on-path-schema.ts';

/** What `status --json` prints; docs/json.md is generated from it. */

const pod = z.strictObject({
  name: z.string(),
  phase: z.string(),
  ready: z.boolean(),
  ends: z
    .boolean()
    .describe('It ends by itself, as a Job’s and a hook’s, or has ended well: it never has to be ready.'),
  restarts: z.int(),
  trouble: z.array(z.string()),
  images: z.array(z.strictObject({ image: z.string(), imageId: z.string(), ready: z.boolean() })),
});

const running = z.strictObject({
  pid: z.int(),
  startTime: z.number().describe('Start time of the process in clock ticks after boot.'),
  bootId: z.string(),
  command: z.string().describe('The command, e.g. `install --upgrade`.'),
  again: z.string().optional().describe("The same as it was typed, with the executable's path."),
  version: z.string(),
  since: z.string().describe('ISO 8601, UTC.'),
  by: z.string(),
  step: z.string().optional().describe('The step that was started last.'),
});

const waysOut = z.strictObject({
  forward: z.string().nullable().describe('The command that resumes the run; null: it has completed.'),
  nothingRemoved: z.boolean().describe('`forward` is an uninstall that has removed nothing.'),
  instead: z
    .string()
    .nullable()
    .describe('Then the check before an upgrade; null: this executable cannot upgrade what is installed.'),
  back: z
    .array(z.string())
    .describe('How to restore the old release and database; empty: nothing that runs was changed.'),
  log: z.string().nullable().describe("Path of the run's log."),
});

const upgrade = z.strictObject({
  may: z
    .enum(['yes', 'no', 'unknown'])
    .describe('Whether an upgrade may start, as far as this command sees it; preflight measures the rest.'),
  why: z.array(z.string()).describe('What stands against it or is not known, the most certain first.'),
  hint: z.string().nullable().describe('The one command to try.'),
  installed: z
    .boolean()
    .nullable()
    .describe('false: nothing is installed; null: an install has not completed, or it is not known.'),
  healthy: z.boolean().nullable().describe('null: not known.'),
  unhealthy: z.array(z.string()).describe('Why it is not healthy, or not known to be.'),
});

export const statusSchema = z.strictObject({
  at: z.string().describe('When it was asked. ISO 8601, UTC.'),
  upgrade: upgrade.describe('The answer to "may I upgrade?".'),
  product: z.string(),
  title: z.string(),
  payloadVersion: z.string().describe('Of this executable.'),
  state: knownSchema(stateSchema.nullable()).describe('The state; null: there is none.'),
  waysOut: waysOut.nullable().describe('Out of the last run; null: there is none.'),
  skippedBackup: stateSchema.shape.skippedBackups.element
    .nullable()
    .describe('Who started the last run without a dump, while it has none.'),
  running: running.nullable().describe('The run that holds the lock now.'),
  backups: knownSchema(
    z.array(
      z.strictObject({
        folder: z.string(),
        files: z.array(z.string()),
        trouble: z.string().optional().describe('Why its files are not known.'),
      }),
    ),
  ).describe('Folders of backups, newest last.'),
  onPath: onPathSchema
    .nullable()
    .describe('What the names on PATH start; null: nothing, the installed release, or it is not known.'),
  keptData: knownSchema(
    z.array(
      z.strictObject({
        folder: z.string(),
        version: z.string().describe('The release that wrote the data last.'),
        rows: z.int().nullable().describe('null: not known.'),
        sizeBytes: z.int().nullable().describe('Of the folder when they were kept; null: not known.'),
        keptAt: z.string(),
        use: z.string().nullable().describe('The install that uses them; null: another one has completed.'),
        delete: z.string().describe('The command that deletes them.'),
      }),
    ),
  ).describe('Data that uninstalls have kept, as far as their places are known.'),
  latestDump: z
    .strictObject({
      path: z.string(),
      takenAt: z.string(),
      there: z.boolean().describe('Whether the file exists now.'),
      verified: z
        .string()
        .optional()
        .describe('When it was last restored into a database of its own, with all rows; absent: never.'),
    })
    .nullable()
    .describe('The newest dump that the state records; null: none, or the state is not known.'),
  overlay: knownSchema(z.strictObject({ path: z.string(), text: z.string() }).nullable()).describe(
    'The values overlay; null: there is none.',
  ),
  release: knownSchema(
    z
      .strictObject({
        revision: z.int(),
        status: z.string(),
        version: z.string().nullable().describe('null: the record cannot be read.'),
      })
      .nullable(),
  ).describe("Helm's newest record."),
  host: z
    .strictObject({
      facts: z.array(z.string()),
      advice: z.strictObject({
        code: z
          .string()
          .optional()
          .describe('Name of the error code with which an upgrade would be refused.'),
        message: z.string(),
        hint: z.string(),
      }),
    })
    .nullable()
    .describe('What was found on the host, and what to do, where the state differs or cannot be read.'),
  schema: knownSchema(
    z.strictObject({
      version: z.int().describe("The database's schema version."),
      target: z
        .int()
        .nullable()
        .describe("What the installed release needs; null: the installed release is not this executable's."),
      helmByHand: z
        .string()
        .nullable()
        .describe('The Helm command that applies the values file as an upgrade does, below `target`.'),
    }),
  )
    .nullable()
    .describe('Of the database; null: no install has completed.'),
  schemaVerdict: z
    .strictObject({
      verdict: z
        .enum(['unchanged', 'moved', 'changed', 'unknown'])
        .describe(
          '`changed`: its version is the one of before, and its objects are not. With it and with `moved` ' +
            'only a restore brings the old version back.',
        ),
      text: z.string().describe('The same in a sentence.'),
      at: z.string().describe('When it was asked: now, or when a run last learnt it.'),
      differs: z
        .record(z.string(), z.int().nullable())
        .nullable()
        .describe('Of `changed`: objects by kind; a number of null is not known.'),
    })
    .nullable()
    .describe(
      'What became of the schema since Helm first started; null: no upgrade is unfinished whose Helm has.',
    ),
  halted: knownSchema(
    z
      .strictObject({
        text: z.string().describe('What is halted, and by what.'),
        start: z
          .string()
          .nullable()
          .describe('The command that starts it; null: what has halted it has begun to remove, and goes on.'),
      })
      .nullable(),
  ).describe('Workloads that an uninstall, a rollback or a restore has stopped; null: none.'),
  pods: knownSchema(z.array(pod)).describe("Pods in the product's namespace."),
  health: knownSchema(
    z.array(
      z.strictObject({
        id: z.string(),
        title: z.string(),
        path: z.string(),
        url: z.string().describe('That was asked last: redirects on the same host are followed.'),
        certificate: z
          .enum(['verified', 'not verified'])
          .nullable()
          .describe('null: it was not asked by https, or did not answer.'),
        healthy: z.boolean(),
        answer: z.string(),
      }),
    ),
  ).describe('Answers of the health routes.'),
});

export type StatusReport = z.infer<typeof statusSchema>;
export type PodReport = z.infer<typeof pod>;
