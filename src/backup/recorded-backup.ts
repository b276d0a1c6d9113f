import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Journal } from '../engine/journal.ts';
import type { JsonObject, StepIo } from '../engine/step.ts';
import { compactTime } from '../policy/compact-time.ts';
import { keepBackupRecord } from './backup-record.ts';
import type { DumpContext } from './dump-files.ts';
import { type PgDump, pgDumpSchema } from './dump-record.ts';
import { recordDump, removeUnfinished } from './unfinished-backups.ts';
import { takeWholeDump } from './whole-dump.ts';

/** A folder below `into` for a backup of that time: nothing has its name yet. */
export function freeFolder(into: string, now: Date): string {
  const stamp = compactTime(now);
  let folder = join(into, stamp);
  for (let count = 2; lstatSync(folder, { throwIfNoEntry: false }) !== undefined; count += 1)
    folder = join(into, `${stamp}-${count}`);
  return folder;
}

type BackupIo = Pick<StepIo, 'signal' | 'log' | 'tell' | 'warn' | 'progress' | 'checkpoint'>;

/** What took a backup, other than an operator: a rehearsal, or the rollback to that step. */
interface Taker {
  rehearsal?: true;
  rollbackTo?: string;
}

/**
 * A dump that belongs to no run, in a folder of its own, which `backup list` shows. The state names its
 * folder before that is made, and the dump once it is whole.
 */
export async function takeRecordedBackup(
  ctx: DumpContext & { operator: string },
  io: BackupIo,
  { folder, journal, ...taker }: { folder: string; journal: Pick<Journal, 'update'> } & Taker,
): Promise<PgDump> {
  const { operator: by, from: version, product } = ctx;
  const record = { at: ctx.now().toISOString(), by, name: basename(folder), folder, version, ...taker };
  const recording = {
    ...io,
    // Before the folder is there: what a killed run leaves is known by it.
    record: async (data: JsonObject) => {
      const { data: pgDump } = pgDumpSchema.safeParse(data['pgDump']);
      if (pgDump !== undefined) {
        await keepBackupRecord({ product: product.name, ...record, pgDump });
        await recordDump(journal, folder, pgDump);
      } else if (data['folder'] !== undefined) {
        await journal.update((draft) => void (draft.backups = [...(draft.backups ?? []), record]));
      }
    },
    interrupted: { folder },
  };
  const whyStale = () => 'a backup is always taken anew';
  return takeWholeDump(ctx, recording, { key: 'pgDump', whyStale });
}

/** The backup of a step: in a folder of its time, once what a killed one has left is removed. */
export async function takeStepBackup(
  ctx: DumpContext & { operator: string; journal: Pick<Journal, 'state' | 'update'> },
  io: BackupIo,
  taker: Taker,
): Promise<PgDump> {
  const { product, journal, paths } = ctx;
  await removeUnfinished(product, journal, io.warn);
  const folder = freeFolder(paths.backups, ctx.now());
  return takeRecordedBackup(ctx, io, { folder, journal, ...taker });
}
