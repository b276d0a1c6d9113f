import { IvaapError } from '../errors.ts';
import type { Postgres } from './postgres.ts';

export interface DatabaseSize {
  /** On disk. */
  sizeBytes: number;
  /** About how many, as the server counts them while it runs. */
  rows: number;
}

const question = `SELECT pg_database_size(current_database()),
  (SELECT coalesce(sum(n_live_tup), 0) FROM pg_stat_user_tables)`;

/** Throws 'failed' where the database does not say. */
export async function databaseSize(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<DatabaseSize> {
  const [row = []] = await postgres.query(question, signal);
  const [sizeBytes, rows] = row.map((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
  if (sizeBytes !== undefined && rows !== undefined) return { sizeBytes, rows };
  throw new IvaapError('failed', 'the database does not report its size');
}
