import * as z from 'zod';

/** Release notes as they are printed: by a dry run, before the first step, by `manifest` and its `--diff`. */

const toldKey = z.strictObject({
  key: z.string().describe('Path in the values; `[]` is any entry of a list.'),
  when: z.enum(['present', 'absent', 'equals']).describe('Which files it concerns.'),
  equals: z.json().optional().describe('The value of the files that it concerns.'),
  todo: z.string(),
  replacedBy: z.string().nullable().describe('The key to set instead.'),
  blocks: z.boolean().describe('Preflight refuses such a file, unless it is waived; else it warns.'),
  yours: z
    .enum(['affected', 'taken over', 'replaced', 'not affected'])
    .nullable()
    .describe(
      "What is true of this host's values file; `taken over`: it is unchanged, and a values patch sets the " +
        'key that the note asks for; null: it was not read.',
    ),
});

export const toldNotesSchema = z.array(
  z.strictObject({
    version: z.string(),
    breaking: z.array(toldKey),
    migration: z
      .strictObject({
        kind: z
          .enum(['one-way', 'staged'])
          .describe('`staged`: the vendor asks for the rollout first and the migration in a second upgrade.'),
        text: z.string(),
        blocks: z.boolean().describe('Preflight refuses a run that would migrate at once.'),
        yours: z
          .enum(['at once', 'later'])
          .nullable()
          .describe("When this host's values file lets the product migrate; null: not known."),
      })
      .nullable(),
    lines: z.array(z.string()),
  }),
);
