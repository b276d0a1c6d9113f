import * as z from 'zod';

/** An answer, or why there is none, as JSON has it: `Known` of known.ts. */
export const knownSchema = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion('known', [
    z.strictObject({ known: z.literal(true), value }),
    z.strictObject({ known: z.literal(false), why: z.string(), hint: z.string().optional() }),
  ]);
