import { openRegular } from '../host/regular-file.ts';
import type { IndexArchive, PayloadIndex } from '../payload/format/index-schema.ts';
import { archiveDifference, readArchivedPart } from './archive-file.ts';
import { archiveLayout } from '../payload/format/archive-layout.ts';
import type { BlobSource } from '../payload/format/archive-stream.ts';
import { scanForeignArchive, type ForeignArchive } from './foreign-import.ts';
import { UnreadableArchive, type TarFilesOptions } from './tar-files.ts';

/** What an archive on disk is to this release. */
export type DiskArchive =
  | { kind: 'absent' }
  /** Written by this product's payload of this very release: read by position, only what is needed. */
  | { kind: 'ours'; path: string }
  /** Written by another tool, or another release: holds these of the wanted images completely. */
  | { kind: 'foreign'; path: string; archive: ForeignArchive }
  | { kind: 'damaged'; path: string; why: string };

/** Looks at an archive on disk: a few reads for one of ours, all of it for any other. */
export async function inspectDiskArchive(
  path: string,
  index: Pick<PayloadIndex, 'images'> & PayloadIndex,
  archive: IndexArchive,
  wantedIds: ReadonlySet<string>,
  options: TarFilesOptions = {},
): Promise<DiskArchive> {
  let handle;
  try {
    handle = await openRegular(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'absent' } : { kind: 'damaged', path, why: message };
  }
  try {
    if ((await archiveDifference(handle, index, archive)) === undefined) return { kind: 'ours', path };
  } finally {
    await handle.close();
  }
  try {
    return { kind: 'foreign', path, archive: await scanForeignArchive(path, wantedIds, options) };
  } catch (error) {
    if (error instanceof UnreadableArchive) return { kind: 'damaged', path, why: error.message };
    throw error;
  }
}

/** Blobs of an archive of ours on disk, unproved; call `close` when done. Each read may throw RangeError. */
export async function openOurArchive(
  path: string,
  index: PayloadIndex,
  archive: IndexArchive,
): Promise<{ blobs: BlobSource; close: () => Promise<void> }> {
  const handle = await openRegular(path);
  const layout = archiveLayout(index, archive);
  const parts = new Map(
    layout.parts.flatMap((part) => ('digest' in part.content ? [[part.content.digest, part] as const] : [])),
  );
  return {
    blobs: (digest) => {
      const part = parts.get(digest);
      if (part === undefined) throw new RangeError(`${path} has no blob ${digest}`);
      return readArchivedPart(handle, layout, part);
    },
    close: () => handle.close(),
  };
}
