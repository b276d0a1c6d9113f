import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { estimateDump } from '../../../src/host/dump-estimate.ts';
import { writeDump } from '../../../src/host/dump-file.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';

let server: OwnPostgres;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

/** The estimate's error as a part of the dump's size. */
async function errorOf(database: string, sql: string): Promise<number> {
  await server.psql('postgres', `CREATE DATABASE ${database}`);
  await server.psql(database, sql);
  const postgres = createPostgres(server.kubectl, {
    namespace: 'n',
    selector: 'app=db',
    container: 'db',
    user: 'postgres',
    database,
  });
  const path = join(server.folder, `${database}.sql`);
  await writeDump(postgres, path);
  return (await estimateDump(postgres)) / statSync(path).size - 1;
}

const tables = {
  numbers: 'CREATE TABLE t AS SELECT n, n * 1.5 AS x, now() AS at FROM generate_series(1, 200000) n',
  texts:
    "CREATE TABLE t AS SELECT n, repeat('well ' || n || ' ', 5000) AS words FROM generate_series(1, 500) n",
  documents:
    "CREATE TABLE t AS SELECT n, jsonb_build_object('log', repeat('a b " +
    "', 20000), 'n', n) AS doc FROM generate_series(1, 300) n",
  binary:
    'CREATE DOMAIN raw AS bytea; CREATE TABLE t AS SELECT n, ' +
    "decode(repeat('00ff', 100000), 'hex')::raw AS data FROM generate_series(1, " +
    '100) n',
  objects: "SELECT lo_from_bytea(0, decode(repeat('cd', 300000), 'hex')) FROM generate_series(1, 40)",
  wide:
    `CREATE TABLE "Odd "" name" AS SELECT n AS "a b", 'x'::text AS "select" FROM ` +
    'generate_series(1, 100000) n; ALTER TABLE "Odd "" name" DROP COLUMN "a b"',
};

for (const [name, sql] of Object.entries(tables)) {
  test(`the size of a dump of ${name} is known within a quarter`, async () => {
    const error = await errorOf(`of_${name}`, sql);
    assert.ok(Math.abs(error) < 0.25, `${Math.round(error * 100)} %`);
  });
}
