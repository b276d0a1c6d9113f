import { jsonObject } from './json-object.ts';
import * as z from 'zod';
import { runPlanSchema } from './run-plan.ts';

/**
 * Everything that a run says, as data: ui/ draws events, `--json` prints one a line, the run log keeps them.
 * docs/events.md is generated from these schemas.
 */

/** Readers accept a higher minor (new events, new fields) and refuse another major. */
export const eventsVersion = '1.3';

const error = z.strictObject({
  code: z.string().describe('Name of the error code, see exit-codes.md.'),
  exitCode: z.int().describe('Exit code of the process.'),
  message: z.string().describe('What failed.'),
  hint: z.string().optional().describe('One thing to try next.'),
  causes: z.array(z.string()).describe('The chain of causes, outermost first.'),
  output: z.string().optional().describe('Last lines of the program that failed.'),
  facts: z.array(z.string()).optional().describe('Facts from the host, one per line.'),
  wayBack: z
    .array(z.string())
    .optional()
    .describe('How the old release and its data come back, one line each. Since 1.2.'),
  step: z.string().optional().describe('The step that failed.'),
  log: z.string().optional().describe('Path of the run log.'),
});

const progress = {
  done: z.number(),
  total: z.number().optional(),
  unit: z.string().describe('`bytes`, or what is counted, e.g. `pods`.'),
  note: z.string().optional().describe('What is being worked on.'),
};
const logLine = {
  program: z.string().optional().describe('The program that printed it; absent when the step did.'),
  stream: z.enum(['stdout', 'stderr']).optional(),
  quiet: z
    .literal(true)
    .optional()
    .describe('The program only answered a question, such as whether something exists: for the log alone.'),
};
const tableRows = z.record(z.string(), z.int()).describe('Rows by table.');
const title = z.string();
const durationMs = z.number().describe('Milliseconds.');

function event<Type extends string, Shape extends z.ZodRawShape>(type: Type, about: string, shape: Shape) {
  return z
    .strictObject({ type: z.literal(type), at: z.string().describe('ISO 8601, UTC.'), ...shape })
    .describe(about);
}

export const eventSchemas = [
  event('run.started', 'A run starts or resumes.', {
    version: z.literal(eventsVersion).describe('Version of this schema.'),
    run: z.string().describe('Id of the run; it stays the same when the run resumes.'),
    flow: z.string().describe('`install`, `upgrade`, ...'),
    from: z.string().nullable().describe('Installed version; null on an empty host.'),
    to: z.string(),
    resumed: z.boolean().describe('Whether it resumes an unfinished run.'),
    by: z.string().optional().describe('The operator behind sudo.'),
    product: z.string().optional().describe('Its title. Since 1.3.'),
    host: z.string().optional().describe('Name of this host. Since 1.3.'),
    package: z
      .strictObject({
        digest: z.string().describe('Of the payload.'),
        key: z.string().nullable().describe('Fingerprint of the key that signed it; null: unsigned.'),
      })
      .optional()
      .describe('The file that runs. Since 1.3.'),
    steps: z
      .array(
        z.strictObject({
          id: z.string(),
          title,
          needs: z.array(z.string()),
          status: z.string().optional().describe('Recorded by an earlier attempt.'),
        }),
      )
      .describe('The graph, in its order.'),
  }),
  event('run.resumed', 'What a run that resumes has found of its earlier attempts.', {
    run: z.string(),
    startedAt: z.string().describe('When it started.'),
    by: z.string().optional().describe('Who started it.'),
    noReturnAt: z.string().optional().describe('When it first started what giving up cannot undo (Helm).'),
    found: z
      .array(
        z.strictObject({
          step: z.string(),
          how: z.enum(['cut off', 'failed']),
          at: z.string().describe('When it failed; of a step that was cut off, when it started.'),
          after: z.string().optional().describe('The last point that it had passed.'),
          error: z.string().optional(),
        }),
      )
      .describe(
        'Steps that started and did not complete: they run again and check what they have done already.',
      ),
    kept: z
      .array(z.strictObject({ step: z.string(), at: z.string() }))
      .describe('Completed steps whose results are still valid: they are skipped.'),
    again: z
      .array(z.strictObject({ step: z.string(), why: z.string() }))
      .describe('Completed steps that run again.'),
    left: z
      .array(z.string())
      .optional()
      .describe('All steps that follow, in their order; `again` among them. Since 1.2.'),
  }),
  event('run.plan', 'What the run is about to do, before its first step.', { plan: runPlanSchema }),
  event('step.started', 'A step starts.', {
    step: z.string(),
    title,
    why: z.string().optional().describe('Why it runs again after an earlier attempt.'),
  }),
  event('step.progress', 'How far a step is; with `--json` at most four a second.', {
    step: z.string(),
    ...progress,
  }),
  event('step.log', 'A line of detail, such as the output of a program.', {
    step: z.string(),
    line: z.string(),
    ...logLine,
  }),
  event('step.warning', 'Something that the operator must read; repeated at the end.', {
    step: z.string(),
    line: z.string(),
  }),
  event('step.waived', 'A step could not prove what it had to, and the operator lets it pass. Since 1.3.', {
    step: z.string(),
    reason: z.string(),
    by: z.string(),
  }),
  event(
    'dump.taken',
    'A dump is complete under its name, or an earlier one is kept for this run. Since 1.3.',
    {
      step: z.string(),
      path: z.string(),
      sizeBytes: z.number(),
      sha256: z.string(),
      takenAt: z.string().describe('It holds the database as of then.'),
      schemaVersion: z.int().optional(),
      tables: tableRows.optional(),
    },
  ),
  event('dump.restored', 'A dump was restored into a database, and proved there. Since 1.3.', {
    step: z.string(),
    path: z.string(),
    sha256: z.string(),
    into: z.string().describe('Name of the database.'),
  }),
  event('schema.found', 'The version of the schema after what the run changes. Since 1.3.', {
    step: z.string(),
    schemaVersion: z.int(),
  }),
  event('rows.counted', 'The rows of the database were counted. Since 1.3.', {
    step: z.string(),
    when: z.enum(['before', 'after']).describe('Before or after what the run changes.'),
    tables: tableRows,
  }),
  event('probe.started', 'From here on the product is probed each second through the ingress. Since 1.3.', {
    routes: z.array(z.string()).describe('Titles of the health routes that are probed.'),
    healthy: z.boolean().describe('Whether it answered as expected right before Helm.'),
    answer: z.string().describe('How it answered; of an unhealthy one, the first bad answer.'),
  }),
  event('probe.changed', 'The product has stopped, or started again, to answer as expected. Since 1.3.', {
    healthy: z.boolean(),
    answer: z.string(),
    lastAt: z.string().describe('When it was last probed before, with the other result.'),
  }),
  event('probe.ended', 'The product is not probed any longer, or was not at all. Since 1.3.', {
    probes: z.int(),
    why: z.string().optional().describe('Why nothing was measured.'),
  }),
  event('step.completed', 'A step is done and verified.', { step: z.string(), title, durationMs }),
  event('step.skipped', 'A step is not run.', {
    step: z.string(),
    title,
    because: z.enum(['completed', 'nothing-to-do']).describe('Done by an earlier attempt, or no work.'),
    reason: z.string(),
  }),
  event('step.failed', 'A step ended with an error, or was stopped.', {
    step: z.string(),
    title,
    durationMs,
    error,
  }),
  event('run.completed', 'The run is complete.', {
    run: z.string(),
    to: z.string(),
    durationMs,
    ran: z.array(z.string()),
    skipped: z.array(z.string()),
    warnings: z.array(z.string()),
  }),
  event('run.failed', 'The run has stopped; the same command resumes it.', {
    run: z.string(),
    durationMs,
    error,
    warnings: z.array(z.string()),
  }),
  event('task.started', 'Work outside the graph starts, such as the scan of the payload.', {
    task: z.string(),
    title,
  }),
  event('task.progress', 'How far that work is.', { task: z.string(), ...progress }),
  event('task.completed', 'That work is done.', { task: z.string(), title, durationMs }),
  event('task.failed', 'That work ended with an error, which the command reports.', {
    task: z.string(),
    title,
    durationMs,
  }),
  event(
    'program.log',
    'A line that a program printed outside any step, such as in the checks before the first one.',
    {
      line: z.string(),
      ...logLine,
      program: z.string().describe('The program that printed it.'),
    },
  ),
  event('program.ended', 'A program that was started on the host has ended.', {
    step: z.string().optional().describe('The step that started it.'),
    program: z.string(),
    argv: z.array(z.string()),
    exitCode: z.int().nullable().describe('Null when a signal ended it.'),
    signal: z.string().optional().describe('The signal that ended it.'),
    durationMs,
    stdoutBytes: z.int().describe('Bytes of its standard output; data is not kept, text is logged as lines.'),
  }),
  event('preflight.report', 'What every check of preflight found, before anything is changed.', {
    flow: z.enum(['install', 'upgrade']),
    tolerant: z
      .boolean()
      .describe('Whether failed health checks are only shown: the run resumes, or is applied again.'),
    results: z.array(
      z.strictObject({
        id: z.string().describe("The check's id, with `:PART` where it looks at several things."),
        check: z.string().describe('See preflight.md.'),
        kind: z.enum(['guard', 'outage', 'health']),
        title,
        status: z.enum(['ok', 'warn', 'fail', 'waived']),
        measured: z.string(),
        limit: z.string(),
        why: z.string(),
        fix: z.string().optional().describe('The one command that fixes it.'),
        output: z.string().optional().describe('Output of a program.'),
        data: jsonObject.optional(),
        tolerated: z.literal(true).optional().describe('Failed, and does not block this run.'),
        waiver: z.string().optional().describe('Reason of the waiver under which it does not block.'),
      }),
    ),
  }),
  event('message', 'A line for the operator outside any step.', {
    level: z.enum(['info', 'warning']),
    line: z.string(),
  }),
  event(
    'result',
    'The last event of a command that did what it was asked; `data` depends on the command: see json.md.',
    {
      lines: z.array(z.string()).describe('The same for people.'),
      data: jsonObject,
    },
  ),
  event('error', 'The last event of a command that failed.', { error }),
] as const;

export const eventSchema = z.discriminatedUnion('type', eventSchemas);

export type EngineEvent = z.infer<typeof eventSchema>;
export type Emit = (event: EngineEvent) => void;
