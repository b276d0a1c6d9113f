import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DumpContext, takeDump } from '../src/backup/dump-files.ts';
import { type PgDump, pgDumpSchema } from '../src/backup/dump-record.ts';
import { fillCopy } from '../src/backup/fill-copy.ts';
import { loadDump } from '../src/host/database-load.ts';
import type { Kubectl } from '../src/host/kubectl.ts';
import { createPostgres } from '../src/host/postgres.ts';
import { productSchema } from '../src/payload/product-schema.ts';
import { postgresIn, startPostgres } from '../test/fixtures/own-postgres.ts';
import { tinyProduct } from '../test/fixtures/tiny-payload.ts';
import { measure, type Row, within } from './bench-measure.ts';

/**
 * What a dump, its load and the proof of each row cost beside `pg_dump | psql` of the same database on the
 * same server, a PostgreSQL 15 of its own. Helm and health checks are no part of it.
 */

const [live, copy, plain] = ['bench', 'bench_copy', 'bench_plain'];
const { signal } = new AbortController();

/** As the installer sees the server whose socket lies in the folder. */
function contextIn(folder: string) {
  const product = productSchema.parse({
    ...tinyProduct,
    database: {
      ...tinyProduct.database,
      user: 'postgres',
      name: live,
      dumpFile: 'bench.sql',
      schemaVersionQuery: 'SELECT 1',
    },
  });
  const server = postgresIn(folder);
  const kubectl = {
    ...server.kubectl,
    get: () => Promise.resolve(undefined),
    list: (kind: string) => (kind === 'pods' ? server.kubectl.list(kind) : Promise.resolve([])),
  } as Kubectl;
  const { namespace, database } = product as typeof product & { namespace: string };
  const { selector, container, user, name } = database;
  const settings = { namespace, selector, container, user, database: name };
  return {
    product,
    kubectl,
    database: createPostgres(kubectl, settings),
    paths: { backups: join(folder, 'backups') },
    k3s: 'k3s',
    from: '2026.1',
    installedBy: undefined,
    now: () => new Date(),
  } satisfies DumpContext;
}

const recordOf = (folder: string) => join(folder, 'bench.json');
const readRecord = (folder: string): PgDump =>
  pgDumpSchema.parse(JSON.parse(readFileSync(recordOf(folder), 'utf8')));

/** What is measured of ours, each in a process of its own. */
const actions = {
  async dump(folder: string) {
    const quiet = { record: () => Promise.resolve(), progress: () => undefined, warn: () => undefined };
    rmSync(join(folder, 'backups'), { recursive: true, force: true });
    const dump = await takeDump(contextIn(folder), { ...quiet, interrupted: undefined, signal });
    writeFileSync(recordOf(folder), JSON.stringify(dump));
  },
  async load(folder: string) {
    await loadDump(contextIn(folder).database.on(copy), readRecord(folder), { signal });
  },
  async 'load-and-prove'(folder: string) {
    const ctx = contextIn(folder);
    await fillCopy(ctx, { name: copy, into: ctx.database.on(copy) }, readRecord(folder), { signal });
  },
};

export interface DatabaseBench {
  rows: number;
  sizeMib: number;
  say: (text: string) => void;
}

/** Fills a server, and gives the rows; the caller stops it. */
export async function databaseBench({ rows, sizeMib, say }: DatabaseBench) {
  const server = await startPostgres();
  const { folder, psql } = server;
  const file = join(folder, 'plain/bench.sql');
  try {
    say(`filling ${live} with ${rows} rows, ${sizeMib} MiB …`);
    await psql('postgres', `CREATE DATABASE ${live} TEMPLATE template0`);
    const pieces = Math.max(1, Math.round((sizeMib * 2 ** 20) / rows / 32));
    await psql(
      live,
      `CREATE TABLE wells (id bigint PRIMARY KEY, name text NOT NULL, depth double precision, log text);
      INSERT INTO wells SELECT n, 'well ' || n, n * 0.37, repeat(md5(n::text), ${pieces})
        FROM generate_series(1, ${rows}) n;
      CREATE INDEX ON wells (name); ANALYZE; CHECKPOINT;`,
    );
    mkdirSync(join(folder, 'backups'));
    const { stdout } = await server.asPostgres(['id', '-u']);
    mkdirSync(join(folder, 'plain'));
    chownSync(join(folder, 'plain'), Number(stdout), 0);
    await server.asPostgres(['pg_dump', '-d', live, '-f', file]);
  } catch (error) {
    await server.stop();
    throw error;
  }

  const ours = (action: keyof typeof actions) => () =>
    measure([process.execPath, import.meta.filename, action, folder]);
  const asPostgres = (script: string) => () =>
    measure(['runuser', '-u', 'postgres', '--', 'env', `PGHOST=${folder}`, 'sh', '-ec', script]);
  const load = `psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d ${plain}`;
  const through = asPostgres(`pg_dump -d ${live} | ${load}`);
  const emptied = () =>
    psql(
      'postgres',
      [copy, plain]
        .map((name) => `DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name} TEMPLATE template0;`)
        .join(' ') + ' CHECKPOINT;',
    );
  const row = (work: string, action: keyof typeof actions, against: string, rest: Partial<Row>) =>
    ({ work, against, budget: '', ours: ours(action), before: emptied, ...rest }) as Row;
  const dumped = `pg_dump -d ${live} > ${file} && sync ${file}`;
  const table: Row[] = [
    row('dump, with its SHA-256', 'dump', 'pg_dump > FILE + sync', {
      budget: '<= 1.15 x',
      reference: asPostgres(dumped),
      keeps: within(1.15),
    }),
    row('load of the dump', 'load', 'psql < FILE', {
      budget: '<= 1.15 x',
      reference: asPostgres(`${load} -f ${file}`),
      keeps: within(1.15),
    }),
    row('load of the dump', 'load', 'pg_dump into psql', {
      budget: '<= 1.15 x',
      reference: through,
      keeps: within(1.15),
    }),
    row('load and proof of each row', 'load-and-prove', 'pg_dump into psql', {
      budget: '<= 1.65 x',
      reference: through,
      keeps: within(1.65),
    }),
  ];
  return { rows: table, stop: server.stop };
}

if (import.meta.main) {
  const [action = '', folder = ''] = process.argv.slice(2);
  await actions[action as keyof typeof actions](folder);
}
