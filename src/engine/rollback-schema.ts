import * as z from 'zod';
import { jsonObject } from './json-object.ts';

/** What the state keeps of rollbacks that have completed. */

/** Of whatever a person decided: who, when, and in which run. */
export const whoWhen = { by: z.string().optional(), at: z.string(), run: z.string() };

export const rollbacksSchema = z
  .array(
    z.looseObject({
      ...whoWhen,
      to: z.string().describe('The step that the next install begins with.'),
      undone: z.array(z.string()).describe('Ids of the steps that were undone, in that order.'),
      kept: jsonObject.describe('What the undone steps left: the dump, the data folder, the secrets.'),
    }),
  )
  .optional()
  .describe('Rollbacks of this install that have completed, oldest first. Since 1.4.');

export const keptSecretsSchema = z
  .looseObject({ ...whoWhen, path: z.string() })
  .optional()
  .describe(
    'The file with the Secrets that a rollback deleted, for the next install, until one completes. ' +
      'Since 1.4.',
  );
