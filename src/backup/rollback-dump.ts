import { basename } from 'node:path';
import type { RunRecord, State } from '../engine/state.ts';
import { isThere } from './kept-dump.ts';
import { type PgDump, pgDumpSchema } from './dump-record.ts';

/** The dump that a rollback took before it put the data aside, and how its rows come back. */

/** Steps of an install whose undo leaves it without its data. */
const emptying = ['postgres', 'secrets', 'namespace', 'license', 'preflight'];

/** Whether an install that begins with the step has a new database. */
export const emptiesDatabase = (step: string): boolean => emptying.includes(step);

/** Of the data of an install; null where Helm was started for none, or for several: it is not known then. */
export function releaseOfData(install: Readonly<Pick<RunRecord, 'pointOfNoReturn'>> | undefined) {
  const [started = null, other] = install?.pointOfNoReturn?.versions ?? [];
  return other === undefined ? started : null;
}

/** The command that brings the rows back. */
export const restoreNamed = ({ program }: { program: string }, { folder }: Pick<PgDump, 'folder'>): string =>
  `${program} restore ${basename(folder)}`;

/**
 * The dump of the last rollback that left the install without its data, where it is there and no restore has
 * brought it back since.
 */
export function dumpToBringBack({ backups = [], restored, run }: State): PgDump | undefined {
  const last = backups.findLast(({ rollbackTo, pgDump }) => rollbackTo !== undefined && pgDump !== undefined);
  const dump = pgDumpSchema.safeParse(last?.pgDump).data;
  if (dump === undefined || !emptiesDatabase(last?.rollbackTo ?? '') || !isThere(dump)) return undefined;
  if (restored?.dump?.['path'] === dump.path) return undefined;
  const made = run?.steps['postgres'];
  const isNew = run?.flow === 'install' && made !== undefined && made.startedAt > dump.takenAt;
  const since = run?.rollbacks?.at(-1);
  const keptSince = since !== undefined && !since.undone.includes('undo_postgres');
  return isNew && !keptSince ? dump : undefined;
}
