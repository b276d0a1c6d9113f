import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { gzipHeader } from '../payload/format/archive-gzip.ts';

/** gzip's header as this program writes it, a stored block's header, and the name of the first file in the tar. */
const blockHeaderSize = 5;
const firstName = Buffer.from('index.json\0');

/** Whether a file begins as the archives do that this program writes, whatever the release; nothing else is said of it. Never waits for a pipe. */
export async function beginsAsWritten(path: string): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return false;
    const size = gzipHeader.length + blockHeaderSize + firstName.length;
    const begin = Buffer.alloc(size);
    const { bytesRead } = await handle.read(begin, 0, size, 0);
    if (bytesRead < size || !begin.subarray(0, gzipHeader.length).equals(gzipHeader)) return false;
    const [kind = 0xff] = begin.subarray(gzipHeader.length);
    return kind <= 1 && begin.subarray(gzipHeader.length + blockHeaderSize).equals(firstName);
  } finally {
    await handle.close();
  }
}
