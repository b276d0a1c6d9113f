import { jsonObject } from './json-object.ts';
import * as z from 'zod';
import { toldNotesSchema } from './told-notes.ts';

/**
 * What a run would do, step by step, as data: the dry run prints it, and a run starts with a summary of it.
 */

const plannedStep = z.strictObject({
  id: z.string(),
  title: z.string(),
  action: z
    .enum(['run', 'skip', 'done'])
    .describe('`run`: it has work; `skip`: it has none; `done`: completed by an earlier attempt, and kept.'),
  summary: z.string(),
  why: z.string().optional().describe('Why it runs again, in a run that resumes.'),
  brief: z.string().optional().describe('A few words for the summary before the first step.'),
  details: z
    .array(z.string())
    .describe('The same as `data` for people; two spaces of indent for each level.'),
  data: jsonObject.describe('What the step expects; depends on the step.'),
  notKnown: z.string().optional().describe('Why nothing more is known.'),
});

const refusal = z.strictObject({
  code: z.string().describe('Name of the error code, see exit-codes.md.'),
  exitCode: z.int(),
  message: z.string(),
  hint: z.string().optional(),
});

export const runPlanSchema = z.strictObject({
  flow: z.string(),
  product: z.string().describe('Its title.'),
  from: z.string().nullable().describe('Installed version; null on an empty host.'),
  to: z.string(),
  run: z.string().nullable().describe('Id of the unfinished run that it would resume; null for a new one.'),
  steps: z.array(plannedStep).describe('In the order of the graph.'),
  room: z
    .array(
      z.strictObject({
        mountPoint: z.string(),
        neededBytes: z.number(),
        freeBytes: z.number().nullable().describe('null: it could not be measured.'),
        enough: z.boolean(),
        what: z.string().describe('What needs it.'),
      }),
    )
    .describe('For each file system.'),
  stake: z
    .array(z.string())
    .default([])
    .describe(
      'Of a restore and an uninstall: what it takes away and keeps, as lines; the same is shown before ' +
        'the name has to be typed.',
    ),
  notes: z.array(z.string()).describe('What the operator should know first.'),
  releaseNotes: toldNotesSchema
    .default([])
    .describe('Of the releases newer than the installed one, as far as this file has them; oldest first.'),
  rehearsed: z
    .string()
    .nullable()
    .default(null)
    .describe('How the last rehearsal of this upgrade ended; null: there was none, or it is too old.'),
  refusals: z
    .array(refusal)
    .describe('Why the run would not start; the first one gives the exit code. Empty when it would start.'),
});

export type RunPlan = z.infer<typeof runPlanSchema>;
export type PlannedStep = RunPlan['steps'][number];
