import { openAtomic, writeFully } from './atomic-file.ts';
import { writeError } from './write-error.ts';
import { DumpScan, type DumpSummary } from './dump-scan.ts';
import type { DiskReserve } from './reserve.ts';
import type { Postgres } from './postgres.ts';

export interface DumpFileOptions {
  /** Room that is left free: a dump that would take it ends itself. */
  reserve?: DiskReserve;
  signal?: AbortSignal;
  /** The name must be new: whatever gets it meanwhile is never replaced. */
  fresh?: boolean;
  /** What has to be durable before the dump gets its name. */
  beforeName?: (summary: DumpSummary) => Promise<void>;
  onBytes?: (bytes: number) => void;
}

/**
 * Dumps the database into an unfinished file (0600), which gets its name once pg_dump ended well and the text
 * came to its proper end: under its name there is a complete, durable dump or none.
 */
export async function writeDump(
  postgres: Postgres,
  path: string,
  options: DumpFileOptions = {},
): Promise<DumpSummary> {
  const { fresh = false, beforeName } = options;
  // Beside an operator's file, `PATH.partial` may be another file of theirs.
  const name = fresh ? { found: null } : { temporaryPath: `${path}.partial` };
  const file = await openAtomic(path, { mode: 0o600, ...name });
  try {
    const scan = new DumpScan();
    await postgres.dump(async (dump, whole) => {
      for await (const chunk of dump as AsyncIterable<Buffer>) {
        options.reserve?.spend(chunk.length);
        // Our own error: the program that is ended for it would be blamed otherwise.
        const writing = writeFully(file.handle, chunk).catch((error: unknown) => {
          throw writeError(path, error);
        });
        scan.update(chunk); // while the write is under way in another thread
        await writing;
        options.onBytes?.(scan.sizeBytes);
        if (scan.ended) whole();
      }
    }, options.signal);
    const summary = scan.finish();
    await beforeName?.(summary);
    await file.commit();
    return summary;
  } catch (error) {
    await file.discard();
    throw writeError(path, error);
  }
}
