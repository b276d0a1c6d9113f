import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { indexSchema } from '../src/payload/format/index-schema.ts';
import { productSchema } from '../src/payload/product-schema.ts';
import { releaseSpecSchema } from './release-spec.ts';

/**
 * `node build/schemas.ts`: writes payload-spec/*.schema.json from the zod schemas, for editors and other
 * languages.
 */

const folder = join(import.meta.dirname, '../payload-spec');

/**
 * File name -> JSON Schema of what is in the file before defaults are filled in; where the code takes
 * unknown fields, so does it.
 */
function schemas(): Record<string, string> {
  const text = (schema: z.ZodType) =>
    `${JSON.stringify(z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }), null, 2)}\n`;
  return {
    'product.schema.json': text(productSchema),
    'release-spec.schema.json': text(releaseSpecSchema),
    'index.schema.json': text(indexSchema),
  };
}

/** Names of the schema files that are not what the code says. */
export function staleSchemas(): string[] {
  return Object.entries(schemas()).flatMap(([name, text]) => {
    try {
      return readFileSync(join(folder, name), 'utf8') === text ? [] : [name];
    } catch {
      return [name];
    }
  });
}

if (import.meta.main)
  for (const [name, text] of Object.entries(schemas())) writeFileSync(join(folder, name), text);
