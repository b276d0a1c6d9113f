import { fstatSync } from 'node:fs';
import { ownDescriptor } from '../host/own-file.ts';
import { positionReader } from '../payload/position-reader.ts';
import { findTrailer, trailerSearchBytes } from '../payload/format/trailer.ts';

/**
 * One line on standard error when this file carries an unsigned payload, whatever the command; a signed one has nothing to say. A
 * file that cannot be read or is damaged is the command's to speak of.
 */
export async function noticeUnsigned(): Promise<void> {
  let own: number;
  try {
    own = ownDescriptor();
  } catch {
    return;
  }
  const { size } = fstatSync(own);
  if (size < trailerSearchBytes) return;
  const tail = await positionReader(own)(size - trailerSearchBytes, trailerSearchBytes);
  const found = findTrailer(tail, size);
  if (found.kind !== 'found' || found.trailer.signed !== undefined) return;
  process.stderr.write('note: this build is unsigned: it can prove itself undamaged, but not who made it\n');
}
