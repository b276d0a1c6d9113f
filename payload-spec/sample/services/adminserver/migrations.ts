import { schemaVersion } from '../database.ts';
import type { Database } from '../database.ts';

/** One step of the schema, applied in a transaction of its own and never changed once released. */
interface Migration {
  version: number;
  name: string;
  sql: string;
}

const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'create wells',
    sql: `CREATE TABLE wells (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL UNIQUE,
            field text NOT NULL,
            depth_ft numeric NOT NULL CHECK (depth_ft >= 0),
            location text NOT NULL
          )`,
  },
  {
    version: 2,
    name: 'name the operator',
    sql: `ALTER TABLE wells ADD COLUMN operator text NOT NULL DEFAULT ''`,
  },
  { version: 3, name: 'find wells by field', sql: `CREATE INDEX wells_by_field ON wells (field)` },
  {
    version: 4,
    name: 'keep depths in metres',
    sql: `ALTER TABLE wells ADD COLUMN total_depth_m numeric(10, 3);
          UPDATE wells SET total_depth_m = round(depth_ft * 0.3048, 3);
          ALTER TABLE wells ALTER COLUMN total_depth_m SET NOT NULL, DROP COLUMN depth_ft`,
  },
  {
    version: 5,
    name: 'split locations into latitude and longitude',
    sql: `ALTER TABLE wells ADD COLUMN latitude numeric(9, 6), ADD COLUMN longitude numeric(9, 6);
          UPDATE wells SET latitude = split_part(location, ',', 1)::numeric, longitude = split_part(location, ',', 2)::numeric;
          ALTER TABLE wells ALTER COLUMN latitude SET NOT NULL, ALTER COLUMN longitude SET NOT NULL, DROP COLUMN location`,
  },
  {
    version: 6,
    name: 'keep operators in a table of their own',
    sql: `CREATE TABLE operators (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE CHECK (name <> ''));
          INSERT INTO operators (name) SELECT DISTINCT operator FROM wells ORDER BY 1;
          ALTER TABLE wells ADD COLUMN operator_id integer REFERENCES operators (id);
          UPDATE wells SET operator_id = operators.id FROM operators WHERE operators.name = wells.operator;
          ALTER TABLE wells ALTER COLUMN operator_id SET NOT NULL, DROP COLUMN operator`,
  },
];

/** Any number: the same in every release, so that two adminservers never migrate in parallel. */
const advisoryLock = 20_260_001;

/**
 * Applies what is missing up to `target`, each migration and its record in one transaction; gives the names
 * of those applied.
 */
export async function migrate(database: Database, target: number): Promise<string[]> {
  const connection = await database.connect();
  const applied: string[] = [];
  try {
    await connection.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
    await connection.query(
      `CREATE TABLE IF NOT EXISTS schema_migrations (
         version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const current = await schemaVersion(connection);
    for (const { version, name, sql } of migrations) {
      if (version <= current || version > target) continue;
      await connection.query('BEGIN');
      await connection.query(sql);
      await connection.query('INSERT INTO schema_migrations (version, name) VALUES ($1, $2)', [
        version,
        name,
      ]);
      await connection.query('COMMIT');
      applied.push(`${version} ${name}`);
      console.log(`migrated the schema to ${version}: ${name}`);
    }
    return applied;
  } finally {
    // Closing the connection rolls an open transaction back and frees the lock, whatever state it is in.
    connection.release(true);
  }
}
