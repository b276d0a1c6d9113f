import type * as z from 'zod';
import type { HelpList } from './command.ts';

/** What the innermost schema of an optional, nullable or described one is. */
function typeOf(schema: z.ZodType): string {
  const { type, innerType } = schema.def as { type: string; innerType?: z.ZodType };
  if (innerType !== undefined) return typeOf(innerType);
  return type === 'array' ? 'list' : type;
}

/** The fields of an answer for the help; those of objects inside are in docs/json.md. */
export const jsonFields = (title: string, { shape }: z.ZodObject): HelpList => ({
  title: `${title} (all of them: docs/json.md)`,
  rows: Object.entries(shape).map(([name, field]) => [
    name,
    (field as z.ZodType).description ?? typeOf(field as z.ZodType),
  ]),
});
