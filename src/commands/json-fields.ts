import type * as z from 'zod';
import type { HelpList } from './command.ts';

/** Type of the innermost schema of an optional, nullable or described one. */
function typeOf(schema: z.ZodType): string {
  const { type, innerType } = schema.def as { type: string; innerType?: z.ZodType };
  if (innerType !== undefined) return typeOf(innerType);
  return type === 'array' ? 'list' : type;
}

/** The top-level fields of a JSON output for the help; docs/json.md has the nested ones. */
export const jsonFields = (title: string, { shape }: z.ZodObject): HelpList => ({
  title: `${title} (all of them: docs/json.md)`,
  rows: Object.entries(shape).map(([name, field]) => [
    name,
    (field as z.ZodType).description ?? typeOf(field as z.ZodType),
  ]),
});
