import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { archiveStart, startsAsArchive } from '../payload/format/archive-layout.ts';

/**
 * Whether a file starts as the archives do that this program writes, whatever the release; nothing else is
 * said of it. Never waits for a pipe.
 */
export async function startsAsWritten(path: string): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return false;
    const start = Buffer.alloc(archiveStart);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    return bytesRead === start.length && startsAsArchive(start);
  } finally {
    await handle.close();
  }
}
