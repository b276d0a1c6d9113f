import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepFact } from '../engine/step-fact.ts';
import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { type DumpContext, type DumpIo, globalsFile, restoreFiles, takeDump } from './dump-files.ts';
import { type PgDump, pgDumpSchema } from './dump-record.ts';
import { isThere } from './kept-dump.ts';

/**
 * A dump with all that a restore needs, recorded under `key`. The dump of an attempt that was interrupted
 * after it is used again: complete under its name, recorded, and not stale.
 */
export async function takeWholeDump(
  ctx: DumpContext,
  io: DumpIo & Pick<StepIo, 'log' | 'tell' | 'checkpoint'>,
  { key, whyStale }: { key: 'pgDump' | 'lastDump'; whyStale: (dump: PgDump) => string | undefined },
): Promise<PgDump> {
  const { data: earlier } = pgDumpSchema.safeParse(io.interrupted?.[key]);
  const isWhole = earlier !== undefined && whyStale(earlier) === undefined && isThere(earlier);
  if (isWhole) io.log(`${earlier.path} is complete: an earlier attempt was interrupted after it`);
  const dump = isWhole ? earlier : await takeDump(ctx, io);
  io.tell(dumpFact(dump));
  await io.record({ [key]: dump });
  await io.checkpoint('dump-written');
  return dump;
}

/** The dump as the run's report names it. */
export const dumpFact = ({ path, sizeBytes, sha256, takenAt, schemaVersion, tables }: PgDump): StepFact => ({
  type: 'dump.taken',
  path,
  sizeBytes,
  sha256,
  takenAt,
  schemaVersion,
  tables,
});

/** Throws 'failed' where the dump is not as it was written, or what belongs to it is not beside it. */
export async function assertWhole({ folder, path, sizeBytes, restoreScript }: PgDump): Promise<void> {
  const info = await stat(path);
  if (info.size !== sizeBytes) throw new IvaapError('failed', `${path} has changed since it was written`);
  await stat(join(folder, globalsFile));
  if (restoreScript === undefined) return; // of an older program
  for (const name of Object.values(restoreFiles)) await stat(join(folder, name));
}
