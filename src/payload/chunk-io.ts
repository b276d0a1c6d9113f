import type { ChunkIo } from './chunked-file.ts';
import { fastIo, isThreadRefused } from './fast/fast-io.ts';

/**
 * The way that is taken: in threads and past the page cache, and plainly on a host that gives us no thread.
 */
export const chunkIo: ChunkIo = {
  scan: (file, options) => inThreads((io) => io.scan(file, options)),
  write: (file, composition, output, options) =>
    inThreads((io) => io.write(file, composition, output, options)),
};

async function inThreads<Result>(work: (io: ChunkIo) => Promise<Result>): Promise<Result> {
  try {
    return await work(fastIo);
  } catch (error) {
    // Without a thread nothing has been read or written yet.
    if (!isThreadRefused(error)) throw error;
    const { plainIo } = await import('./plain-io.ts');
    return work(plainIo);
  }
}
