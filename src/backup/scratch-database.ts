import { madeVariable } from '../host/database-sql.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { Postgres } from '../host/postgres.ts';
import type { Product } from '../payload/product-schema.ts';
import { assertRoomForCopy } from './database-room.ts';
import { type BesideKind, besideName, isBeside, type ScratchKind } from './scratch-name.ts';

/** What a database beside the live one needs of its caller; `database` is the live one. */
export interface ScratchContext {
  database: Postgres;
  kubectl: Pick<Kubectl, 'get'>;
  product: Product;
  now: () => Date;
}

export interface ScratchOptions {
  kind: ScratchKind;
  /** Whoever has made one up has also dropped what killed runs have left. */
  name?: string;
  /** How much it will take on the server's disk. */
  sizeBytes: number;
  /** Makes it: `CREATE DATABASE :"restored" …;`, and what else has to be there before it. */
  create: string;
  signal?: AbortSignal;
}

const cleanupMs = 120_000;

/**
 * Makes a database beside the live one, gives it to `use` and drops it, whatever comes. Runs of the same
 * kind exclude each other by the installer's lock: so what an earlier one has left is known by its name, and
 * dropped first.
 */
export async function withScratch<T>(
  ctx: ScratchContext,
  options: ScratchOptions,
  use: (scratch: Postgres, name: string) => Promise<T>,
): Promise<T> {
  const name = await makeScratch(ctx, options);
  let result: T;
  try {
    result = await use(ctx.database.on(name), name);
  } catch (error) {
    // What failed is the news; the next run drops what this one cannot.
    await dropDatabase(ctx.database, name).catch(() => {});
    throw error;
  }
  await dropDatabase(ctx.database, name);
  return result;
}

/** The same, for a caller that keeps it. Returns its name. */
export async function makeScratch(
  ctx: ScratchContext,
  { kind, name: given, sizeBytes, create, signal }: ScratchOptions,
): Promise<string> {
  if (given === undefined) await dropLeftovers(ctx, kind, signal);
  await assertRoomForCopy(ctx, sizeBytes, signal);
  const name = given ?? besideName(ctx.product.database.name, kind, ctx.now());
  try {
    await ctx.database.execute(create, {
      variables: { [madeVariable]: name },
      application: name,
      timeoutMs: 600_000,
      ...(signal && { signal }),
    });
  } catch (error) {
    await dropDatabase(ctx.database, name).catch(() => {});
    throw error;
  }
  return name;
}

/** Drops what killed runs have left of this kind. Returns the names. Only under the installer's lock. */
export async function dropLeftovers(
  { database, product }: Pick<ScratchContext, 'database' | 'product'>,
  kind: ScratchKind,
  signal?: AbortSignal,
): Promise<string[]> {
  const left = await besides({ database, product }, kind, signal);
  for (const name of left) await dropDatabase(database, name, signal);
  return left;
}

/** Databases of this kind beside the live one, oldest first. */
export async function besides(
  { database, product }: Pick<ScratchContext, 'database' | 'product'>,
  kind: BesideKind,
  signal?: AbortSignal,
): Promise<string[]> {
  const rows = await database.query('SELECT datname FROM pg_database', signal);
  return rows
    .map(([name = '']) => name)
    .filter((name) => isBeside(name, product.database.name, kind))
    .sort();
}

/**
 * Drops it, also with sessions in it: a program that a killed run started in the pod may still load it. Such
 * a program's `CREATE DATABASE` would come after the drop, so it is ended first.
 */
export async function dropDatabase(from: Postgres, name: string, signal?: AbortSignal): Promise<void> {
  const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
  AND (application_name = :'dropped' OR datname = :'dropped');
SELECT format('ALTER DATABASE %I IS_TEMPLATE false', datname) FROM pg_database
  WHERE datname = :'dropped' AND datistemplate \\gexec
DROP DATABASE IF EXISTS :"dropped" WITH (FORCE);
`;
  await from.execute(sql, {
    variables: { dropped: name },
    discard: true,
    timeoutMs: cleanupMs,
    ...(signal && { signal }),
  });
}
