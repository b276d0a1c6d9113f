import { openAtomic, writeFully } from './atomic-file.ts';
import { writeError } from './write-error.ts';
import { DumpScan, type DumpSummary } from './dump-scan.ts';
import type { DiskReserve } from './reserve.ts';
import type { Postgres } from './postgres.ts';

export interface DumpFileOptions {
  /** Room that is left free: a dump that would take it ends itself. */
  reserve?: DiskReserve;
  signal?: AbortSignal;
  onBytes?: (bytes: number) => void;
}

/**
 * Dumps the database into `PATH.partial` (0600), which gets its name once pg_dump ended well and the text
 * came to its proper end: under its name there is a complete, durable dump or none.
 */
export async function writeDump(
  postgres: Postgres,
  path: string,
  options: DumpFileOptions = {},
): Promise<DumpSummary> {
  const file = await openAtomic(path, { mode: 0o600, temporaryPath: `${path}.partial` });
  try {
    const scan = new DumpScan();
    await postgres.dump(async (dump, whole) => {
      for await (const chunk of dump as AsyncIterable<Buffer>) {
        options.reserve?.spend(chunk.length);
        const writing = writeFully(file.handle, chunk);
        scan.update(chunk); // while the write is under way in another thread
        await writing;
        options.onBytes?.(scan.sizeBytes);
        if (scan.ended) whole();
      }
    }, options.signal);
    const summary = scan.finish();
    await file.commit();
    return summary;
  } catch (error) {
    await file.discard();
    throw writeError(path, error);
  }
}
