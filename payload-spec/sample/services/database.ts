import { readFile } from 'node:fs/promises';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';

export type Database = Pool;
export type Connection = PoolClient;

/**
 * A pool for the database that the environment names; the password is read from its file at every connect.
 */
export function openDatabase(): Database {
  const pool = new Pool({
    host: process.env.IVAAP_DB_HOST ?? 'postgres',
    port: Number(process.env.IVAAP_DB_PORT ?? 5432),
    user: process.env.IVAAP_DB_USER ?? 'ivaap',
    database: process.env.IVAAP_DB_NAME ?? 'ivaapdb',
    password: async () =>
      (
        await readFile(process.env.IVAAP_DB_PASSWORD_FILE ?? '/run/secrets/ivaap-database/password', 'utf8')
      ).trim(),
    max: 5,
    connectionTimeoutMillis: 2_000,
    query_timeout: 30_000,
  });
  // The server restarts during an upgrade: an idle connection that breaks is replaced by the next query.
  pool.on('error', (error) => console.error('database connection lost:', error.message));
  return pool;
}

/** The highest migration that was applied; 0 for a database without any. */
export async function schemaVersion(database: Database | Connection): Promise<number> {
  const table = await database.query<{ found: boolean }>(
    "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS found",
  );
  if (!table.rows[0]?.found) return 0;
  const highest = await database.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM schema_migrations',
  );
  return highest.rows[0]?.version ?? 0;
}
