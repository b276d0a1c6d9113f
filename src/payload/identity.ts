import { IvaapError } from '../errors.ts';
import type { PayloadIndex } from './format/index-schema.ts';
import { isLine, strictJson } from './format/strict-json.ts';
import { contradictory } from './payload-errors.ts';

/** What names a payload: the first fields of its index. */
export interface PayloadIdentity {
  product: string;
  title: string;
  command: string;
  version: string;
}

/**
 * The index as far as start-up needs it: its format and the four names. The rest is checked by
 * checked-index.ts.
 */
export function parsedIndex(content: Buffer, file: string): PayloadIndex {
  let index: PayloadIndex;
  try {
    index = strictJson(content) as PayloadIndex;
  } catch (cause) {
    throw contradictory(file, 'its index.json is not as a packer writes it', cause);
  }
  const major: unknown = index?.format?.major;
  if (major !== 1)
    throw new IvaapError(
      'payload',
      `${file} has payload format ${String(major)}, this program reads format 1`,
      {
        hint: 'use the executable that came with that payload',
      },
    );
  for (const key of ['product', 'title', 'command', 'version'] as const)
    if (!isLine(index[key])) throw contradictory(file, `${key} is not a line of text`);
  return index;
}
