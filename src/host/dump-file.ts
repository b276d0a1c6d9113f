import { openAtomic, writeFully } from './atomic-file.ts';
import { writeError } from './write-error.ts';
import { DumpScan, type DumpSummary } from './dump-scan.ts';
import { type Compression, PackedFile } from './packed-file.ts';
import type { DiskReserve } from './reserve.ts';
import type { Postgres } from './postgres.ts';

export interface DumpFileOptions {
  /** Room that is left free: a dump that would take it ends itself. */
  reserve?: DiskReserve;
  signal?: AbortSignal;
  /** The name must be new: whatever gets it meanwhile is never replaced. */
  fresh?: boolean;
  /** What has to be durable before the dump gets its name. */
  beforeName?: (written: WrittenDump) => Promise<void>;
  /** Of the text. */
  onBytes?: (bytes: number) => void;
  /** Plain unless it is given. */
  compress?: Compression | undefined;
}

/** Size and SHA-256 are the file's. */
export interface WrittenDump extends DumpSummary {
  /** Of the text, which is the file itself unless that is packed. */
  textBytes: number;
}

/**
 * Dumps the database into an unfinished file (0600), which gets its name once pg_dump ended well and the text
 * came to its proper end: under its name there is a complete, durable dump or none.
 */
export async function writeDump(
  postgres: Postgres,
  path: string,
  options: DumpFileOptions = {},
): Promise<WrittenDump> {
  const { fresh = false, beforeName, compress } = options;
  // Beside an operator's file, `PATH.partial` may be another file of theirs.
  const name = fresh ? { found: null } : { temporaryPath: `${path}.partial` };
  const file = await openAtomic(path, { mode: 0o600, ...name });
  const spend = (bytes: number) => options.reserve?.spend(bytes);
  const packed = compress === undefined ? undefined : new PackedFile(file.handle, spend);
  const write = (chunk: Buffer): Promise<void> => {
    if (packed !== undefined) return packed.write(chunk);
    spend(chunk.length);
    return writeFully(file.handle, chunk);
  };
  try {
    const scan = new DumpScan();
    await postgres.dump(async (dump, whole) => {
      for await (const chunk of dump as AsyncIterable<Buffer>) {
        // Our own error: the program that is ended for it would be blamed otherwise.
        const writing = write(chunk).catch((error: unknown) => {
          throw writeError(path, error);
        });
        scan.update(chunk); // while the write is under way in another thread
        await writing;
        options.onBytes?.(scan.sizeBytes);
        if (scan.ended) whole();
      }
    }, options.signal);
    const summary = scan.finish();
    const { sizeBytes, sha256 } = (await packed?.end()) ?? summary;
    const written = { ...summary, textBytes: summary.sizeBytes, sizeBytes, sha256 };
    await beforeName?.(written);
    await file.commit();
    return written;
  } catch (error) {
    packed?.discard();
    await file.discard();
    throw writeError(path, error);
  }
}
