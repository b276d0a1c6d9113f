import { fstatSync } from 'node:fs';
import { ownDescriptor } from '../host/own-file.ts';
import { positionReader } from '../payload/position-reader.ts';
import { findTrailer, trailerSearchBytes } from '../payload/format/trailer.ts';

/** Whether this file carries an unsigned payload; false also where it cannot be read or is damaged. */
export async function isUnsigned(): Promise<boolean> {
  let own: number;
  try {
    own = ownDescriptor();
  } catch {
    return false;
  }
  const { size } = fstatSync(own);
  if (size < trailerSearchBytes) return false;
  const tail = await positionReader(own)(size - trailerSearchBytes, trailerSearchBytes);
  const found = findTrailer(tail, size);
  return found.kind === 'found' && found.trailer.signed === undefined;
}
