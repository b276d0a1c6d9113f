import * as z from 'zod';
import type { JsonObject } from './step.ts';

/** Plain JSON of any keys, as it is read. */
export const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), z.json());
