import * as z from 'zod';

/** Keys from the root of the values file down to one value. */
export const valuesPath = z.array(z.string().min(1)).min(1);

/**
 * A key of the operator's values that a release removed, renamed, changed or asks for. With neither `equals`
 * nor `absent` it concerns every file that sets the key.
 */
const breakingKeySchema = z.strictObject({
  /** `[]` as a key means any entry of the list there. */
  path: valuesPath,
  /** It concerns only files with this value. */
  equals: z.json().optional(),
  /** It concerns only files without the key. */
  absent: z.literal(true).optional(),
  /** What the operator should do, in one sentence. */
  todo: z.string().min(1),
  /** The key to set instead; a file that sets it, or a patch that does, is done with this one. */
  replacedBy: valuesPath.optional(),
  /** Preflight refuses such a file, unless it is waived; else it warns. */
  blocks: z.boolean().default(false),
});

/** What an operator should know of one release before an upgrade to it, or beyond it. */
export const releaseNotesSchema = z.strictObject({
  version: z.string(),
  breaking: z.array(breakingKeySchema).default([]),
  /**
   * `one-way`: the way back needs the dump; `staged`: the vendor asks for the rollout first and the migration
   * in a second upgrade.
   */
  migration: z
    .strictObject({
      kind: z.enum(['one-way', 'staged']),
      text: z.string().min(1),
      /** With `staged`: preflight refuses a run that would migrate at once, unless it is waived. */
      blocks: z.boolean().default(false),
    })
    .optional(),
  /** Anything else, a sentence each. */
  lines: z.array(z.string().min(1)).default([]),
});
