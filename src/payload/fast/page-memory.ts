import { constants, openSync, readSync } from 'node:fs';

/**
 * Bytes of a page, and of what file systems demand of reads and writes past the page cache: a multiple, in
 * the file and in memory.
 */
export const pageSize = 4096;

/**
 * The same open file once more, past the page cache; undefined where its file system does not do that.
 * `access`: O_RDONLY or O_WRONLY.
 */
export function openUncached(descriptor: number, access: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, access | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}

/** Of a huge page. */
const hugeSize = 2 * 1024 * 1024;
/** What the allocator keeps for itself at the start of a mapping. */
const ownBytes = 16;

/**
 * Memory of `bytes` bytes that starts at a page. An ArrayBuffer does not say where it starts; but for a large
 * one the allocator has a mapping of its own, and a read past the page cache of `uncached` (see
 * {@link openUncached}), if there is one, says whether that is so. The mapping is a multiple of huge pages
 * long, for the kernel puts such ones where huge pages start; start-up asks for them (main.ts). A disk then
 * writes to few places and not to one in each 4 KiB, which is several times as fast on many virtual ones.
 */
export function pageMemory(bytes: number, uncached: number | undefined): Uint8Array {
  const mapped = Math.ceil((bytes + 2 * pageSize) / hugeSize) * hugeSize;
  const memory = new ArrayBuffer(mapped - pageSize);
  const usual = pageSize - ownBytes;
  return new Uint8Array(memory, uncached === undefined ? usual : firstPage(memory, uncached, usual), bytes);
}

/** Where in memory a read past the page cache is taken; `usual` when it is taken nowhere. */
function firstPage(memory: ArrayBuffer, uncached: number, usual: number): number {
  for (let tried = 0; tried < pageSize; tried += ownBytes) {
    const start = (usual + tried) % pageSize;
    if (canRead(uncached, new Uint8Array(memory, start, pageSize))) return start;
  }
  return usual;
}

function canRead(uncached: number, page: Uint8Array): boolean {
  try {
    readSync(uncached, page, 0, page.length, 0);
    return true;
  } catch {
    return false;
  }
}
