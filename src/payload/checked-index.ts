import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { z } from 'zod';
import type { ZipEntry } from './format/entries.ts';
import { crc32Text, headerFits, zipEntries } from './format/entries.ts';
import { indexContradiction } from './format/index-check.ts';
import type { PayloadIndex } from './format/index-schema.ts';
import { indexSchema } from './format/index-schema.ts';
import type { Trailer } from './format/trailer.ts';
import { centralDirectory } from './format/zip-directory.ts';
import { contradictory, damagedRange } from './payload-errors.ts';
import type { ReadAt } from './position-reader.ts';
import { assertHeader } from './verified-read.ts';

/** A file whose trailer was read. */
interface LocatedFile {
  readAt: ReadAt;
  displayName: string;
  trailer: Trailer;
  /** Where the comment, which is the trailer, starts. */
  commentOffset: number;
}

/**
 * Checks an index by schema, against itself, against its local header, and the zip directory with it. Throws
 * IvaapError `payload`.
 */
export async function checkedIndex(
  file: LocatedFile,
  unproved: PayloadIndex,
  content: Buffer,
): Promise<PayloadIndex> {
  const { displayName, trailer } = file;
  const parsed = indexSchema.safeParse(unproved);
  if (!parsed.success) throw contradictory(displayName, schemaProblem(parsed.error));
  const index = parsed.data;
  const { indexOffset: offset, indexLength: length, fileSize } = trailer;
  const why = indexContradiction(index, offset + length, fileSize);
  if (why !== undefined) throw contradictory(displayName, why);
  const entries = zipEntries(index, { offset, length, crc32: crc32Text(crc32(content)) });
  if (!headerFits(entries[0])) throw contradictory(displayName, 'no local header fits before index.json');
  await assertHeader(file, entries[0]);
  await assertDirectory(file, entries, index.chunks.coveredEnd);
  return index;
}

function schemaProblem({ issues }: z.ZodError): string {
  const [{ path = [], message = 'unreadable' } = {}] = issues;
  return `${path.join('.')}: ${message}`;
}

/**
 * Nothing here reads the zip's own directory, but other tools do: it has to list what the index lists, byte
 * for byte.
 */
async function assertDirectory(
  { readAt, displayName, trailer, commentOffset }: LocatedFile,
  entries: readonly ZipEntry[],
  from: number,
): Promise<void> {
  const implied = centralDirectory(entries, from, trailer.fileSize - commentOffset);
  const isThere = from + implied.length === commentOffset;
  if (!isThere || !(await readAt(from, implied.length)).equals(implied))
    throw damagedRange(displayName, 'the zip directory', from, commentOffset);
  if (hash('sha256', implied) !== trailer.directorySha256)
    throw damagedRange(displayName, 'the trailer', commentOffset, trailer.fileSize);
}
