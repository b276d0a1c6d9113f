import * as z from 'zod';

/** What `report --format json` prints; docs/json.md is generated from it. */

const time = z.string().describe('ISO 8601, UTC.');
const outcome = z
  .enum(['completed', 'skipped', 'failed', 'cut off', 'not started'])
  .describe('`cut off`: it started, and nothing says how it ended.');

const step = z.strictObject({
  id: z.string(),
  title: z.string(),
  plan: z.string().nullable().describe('What was planned; null: the log has no plan.'),
  details: z.array(z.string()).describe('The same in detail.'),
  outcome,
  durationMs: z.number().nullable().describe('Of its last attempt; null: it has not run, or not ended.'),
  note: z.string().nullable().describe('Why it was skipped, or how it failed.'),
});

const span = z.strictObject({
  id: z.string(),
  title: z.string(),
  kind: z.enum(['step', 'task']).describe('`task`: work before the first step, such as preflight.'),
  from: time,
  to: time.nullable().describe('null: nothing says when it ended.'),
  outcome,
});

const attempt = z.strictObject({
  by: z.string().nullable().describe('Who started it.'),
  from: time,
  to: time.describe('The last thing that the log has of it.'),
  status: z.string().nullable().describe('How it ended: `completed` or a code; null: it was cut off.'),
  exitCode: z.int().nullable(),
  spans: z.array(span).describe('What ran, and when.'),
});

const downtime = z.strictObject({
  measured: z.boolean(),
  why: z.string().nullable().describe('Why it was not measured, or is not complete.'),
  totalMs: z.number().nullable().describe('Of all intervals; null: not known. 0: every probe was answered.'),
  atLeast: z.boolean().describe('Whether it is longer than `totalMs`, by what was not measured.'),
  routes: z.array(z.string()).describe('Titles of the health routes that were probed.'),
  probes: z.int(),
  intervals: z.array(
    z.strictObject({
      from: time.describe('The last good answer before it.'),
      to: time.nullable().describe('The first good answer after it; null: there was none in this run.'),
      answer: z.string().describe('The first bad answer.'),
    }),
  ),
});

const object = z.strictObject({
  object: z.string(),
  change: z.enum(['added', 'changed', 'removed', 'kept']),
});

export const runReportSchema = z.strictObject({
  version: z.literal('1.0').describe('Of this schema; a higher minor only adds fields.'),
  summary: z.string().describe('One line for a change ticket.'),
  run: z.string(),
  flow: z.string().nullable().describe('null, here and below: the log does not say.'),
  product: z.string().nullable(),
  host: z.string().nullable(),
  from: z.string().nullable().describe('Installed version before; null: none, or not known.'),
  to: z.string().nullable(),
  by: z.string().nullable().describe('Who started the first attempt.'),
  startedAt: time.nullable(),
  endedAt: time.nullable().describe('null: nothing says that it has ended.'),
  package: z
    .strictObject({ digest: z.string(), key: z.string().nullable().describe('null: unsigned.') })
    .nullable(),
  status: z
    .string()
    .nullable()
    .describe('`completed` or a code of exit-codes.md; null: it runs, or was cut off.'),
  exitCode: z.int().nullable(),
  message: z.string().nullable().describe('Of a run that failed.'),
  error: z
    .strictObject({
      hint: z.string().nullable(),
      causes: z.array(z.string()),
      facts: z.array(z.string()),
      wayBack: z.array(z.string()),
      output: z.string().nullable(),
      step: z.string().nullable(),
    })
    .nullable(),
  result: z.array(z.string()).describe('What a completed run said at its end.'),
  steps: z.array(step),
  attempts: z.array(attempt).describe('One for each start of the run.'),
  downtime,
  waivers: z.array(z.strictObject({ id: z.string(), reason: z.string(), by: z.string().nullable() })),
  preflight: z
    .strictObject({
      at: time,
      results: z.array(
        z.strictObject({
          id: z.string(),
          title: z.string(),
          status: z.string(),
          measured: z.string(),
          limit: z.string(),
          note: z.string().nullable().describe('Reason of a waiver, or the fix.'),
        }),
      ),
    })
    .nullable(),
  objects: z
    .strictObject({
      applied: z.boolean().describe('false: planned, and Helm has not completed.'),
      changes: z.array(object),
    })
    .nullable(),
  schema: z
    .strictObject({
      before: z.int().nullable(),
      after: z.int().nullable(),
      differs: z.string().nullable().describe('What differs although the version is the same.'),
    })
    .describe('Version of the database schema.'),
  rows: z.array(z.strictObject({ table: z.string(), before: z.int().nullable(), after: z.int().nullable() })),
  dumps: z.array(
    z.strictObject({
      path: z.string(),
      sizeBytes: z.number(),
      sha256: z.string(),
      takenAt: time,
      schemaVersion: z.int().nullable(),
      restoredInto: z.array(z.string()).describe('Databases into which this run restored it.'),
    }),
  ),
  warnings: z.array(z.string()).describe('The first 500 that differ.'),
  moreWarnings: z.int().describe('Lines of warnings after those.'),
  missing: z.array(z.string()).describe('What the log does not have, or this program could not read.'),
});

export type RunReport = z.infer<typeof runReportSchema>;
