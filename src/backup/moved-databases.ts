import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { type DatabaseSize, databaseSize } from '../host/database-size.ts';
import { type Known, known } from '../known.ts';
import { besides, dropDatabase, type ScratchContext } from './scratch-database.ts';
import { besideName, isBeside, madeAt } from './scratch-name.ts';

/** A database that a restore has moved aside. */
export interface MovedDatabase {
  name: string;
  /** ISO 8601, UTC: when the restore gave it this name. */
  movedAt: string;
  size: Known<DatabaseSize>;
}

type MovedContext = Pick<ScratchContext, 'database' | 'product'>;

/** Oldest first. */
export async function movedDatabases(ctx: MovedContext, signal?: AbortSignal): Promise<MovedDatabase[]> {
  const found: MovedDatabase[] = [];
  for (const name of await besides(ctx, 'moved', signal)) {
    const size = await known(databaseSize(ctx.database.on(name), signal));
    found.push({ name, movedAt: madeAt(name), size });
  }
  return found;
}

/** A name that none of them has: two restores in one second move two databases aside. */
export async function freeMovedName(ctx: MovedContext, now: Date, signal?: AbortSignal): Promise<string> {
  const taken = await besides(ctx, 'moved', signal);
  for (let at = now.getTime(); ; at += 1000) {
    const name = besideName(ctx.product.database.name, 'moved', new Date(at));
    if (!taken.includes(name)) return name;
  }
}

/** Drops one of them. Throws 'failed' for any other database. */
export async function dropMoved(ctx: MovedContext, name: string, signal?: AbortSignal): Promise<void> {
  if (!isBeside(name, ctx.product.database.name, 'moved')) {
    throw new IvaapError('failed', `${foreign(name)} is not a database that a restore has moved aside`);
  }
  await dropDatabase(ctx.database, name, signal);
}
