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

/** `versionNumber` as the server has it: 150018 is 15.18. Throws 'failed' where the database does not say. */
export async function versionAndSize(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<{ versionNumber: number; sizeBytes: number }> {
  const sql = "SELECT current_setting('server_version_num'), pg_database_size(current_database())";
  const [version, size] = (await postgres.query(sql, signal))[0] ?? [];
  if (!Number(version) || !Number(size)) {
    throw new IvaapError('failed', 'the database did not return its version and size');
  }
  return { versionNumber: Number(version), sizeBytes: Number(size) };
}
