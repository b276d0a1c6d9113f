import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DumpContext } from '../../../src/backup/dump-files.ts';
import { takeDump } from '../../../src/backup/dump-files.ts';
import type { PgDump } from '../../../src/backup/dump-record.ts';
import { loadRehearsal } from '../../../src/backup/rehearsal-copy.ts';
import {
  assertCanRehearse,
  dropRehearsals,
  foreignRehearsals,
  makeRole,
} from '../../../src/backup/rehearsal-role.ts';
import { besideName } from '../../../src/backup/scratch-name.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { tryLogin } from '../../../src/host/postgres-login.ts';
import { programFailure } from '../../../src/host/program-failure.ts';
import { readSchemaFingerprint } from '../../../src/host/schema-fingerprint.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const live = 'tinydb';
const password = "a 'password' of the rehearsal";

const content = `CREATE SCHEMA app AUTHORIZATION tiny; SET ROLE tiny; SET search_path = app;
  CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN feet AS numeric CHECK (value >= 0);
  CREATE TABLE wells (id serial PRIMARY KEY, name text, depth feet, state mood DEFAULT 'good');
  CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY, well int REFERENCES wells (id));
  CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
  CREATE SEQUENCE free; CREATE VIEW names AS SELECT name FROM wells; CREATE MATERIALIZED VIEW kept AS SELECT name FROM wells;
  CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';
  CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
  CREATE TABLE migrations (version int); INSERT INTO migrations VALUES (3);
  INSERT INTO wells (name, depth) SELECT 'well ' || n, n FROM generate_series(1, 300) n;
  INSERT INTO logs (well) SELECT id FROM wells; SELECT lo_from_bytea(4711, 'a large object');
  RESET ROLE; CREATE TABLE app.audit (line text); GRANT INSERT ON app.audit TO tiny;
  CREATE TABLE app.hidden (line text); CREATE TABLE app.shared (line text); ALTER TABLE app.shared OWNER TO team;`;

describe('the role of a rehearsal, on a real PostgreSQL 15', () => {
  let server: OwnPostgres;
  let dump: PgDump;
  let name = '';
  const product = productSchema.parse({
    ...tinyProduct,
    database: {
      ...tinyProduct.database,
      user: 'postgres',
      schemaVersionQuery: 'SELECT max(version) FROM app.migrations',
    },
  });
  const { signal } = new AbortController();
  const settings = {
    namespace: 'tiny',
    selector: 'app=db',
    container: 'db',
    user: 'postgres',
    database: live,
  };
  const context = () => ({
    product,
    database: createPostgres(server.kubectl, settings),
    kubectl: { get: () => Promise.resolve(undefined) } as Pick<Kubectl, 'get'>,
    now: () => new Date('2026-11-28T02:00:00Z'),
  });
  /** All of a database that others than the rehearsal see: schema, rows, owner, privileges, settings. */
  const sealed = async () => {
    const { database } = context();
    const { hash } = await readSchemaFingerprint(database);
    const rows = await server.psql(
      live,
      "SELECT md5(string_agg(w::text, ',' ORDER BY id)) FROM app.wells w " +
        'UNION ALL SELECT count(*)::text FROM app.logs',
    );
    const row = await server.psql(
      'postgres',
      `SELECT datdba, datacl, datconnlimit, datallowconn FROM pg_database WHERE datname = '${live}'`,
    );
    const others = await server.psql(
      'postgres',
      'SELECT rolname, setconfig FROM pg_roles LEFT JOIN pg_db_role_setting ON setrole = oid ' +
        "WHERE rolname !~ 'rehearsal' ORDER BY 1",
    );
    return { hash, rows, row, others };
  };
  const login = (database: string, options = '') =>
    tryLogin(
      {
        exec: (_target: object, argv: readonly string[], how: object) =>
          server.asPostgres(['env', `PGOPTIONS=${options}`, ...argv], how),
      } as unknown as Kubectl,
      { namespace: 'tiny', pod: 'db-0', container: 'db' },
      { address: server.folder, user: name, database, password },
      signal,
    );
  /** Statements of the role in its copy. */
  const asRole = (sql: string) =>
    server.asPostgres(['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-U', name, '-d', name], {
      stdin: sql,
    });

  before(async () => {
    server = await startPostgres();
    await server.psql(
      'postgres',
      `CREATE ROLE tiny LOGIN; CREATE ROLE team; GRANT team TO tiny; CREATE DATABASE ${live} OWNER tiny;
       ALTER ROLE tiny SET search_path = app, "$user"; CREATE DATABASE another;`,
    );
    await server.psql(live, content);
    const io = {
      signal,
      record: () => Promise.resolve(),
      progress: () => undefined,
      log: () => undefined,
      warn: () => undefined,
    } as unknown as StepIo;
    const ctx = {
      ...context(),
      k3s: 'k3s',
      from: '2026.1',
      installedBy: undefined,
      paths: { backups: server.folder },
    };
    dump = await takeDump(
      {
        ...ctx,
        kubectl: { ...server.kubectl, get: ctx.kubectl.get, list: () => Promise.resolve([]) },
      } as unknown as DumpContext,
      io,
    );
    name = besideName(live, 'rehearsal', new Date());
  });
  after(() => server?.stop());

  it('reaches its copy and no other database, and leaves the live one as it is', async () => {
    const before = await sealed();
    const { sessions } = await assertCanRehearse(context(), 'tiny', signal);
    await makeRole(context(), name, { password, sessions, signal });
    assert.equal((await login(live)).opened, undefined);
    const verified = await loadRehearsal(context(), dump, { name, user: 'tiny', signal });
    assert.deepEqual([verified.rows, verified.sha256], [dump.rows, dump.sha256]);
    assert.deepEqual(await login(name), { opened: true });
    for (const other of [live, 'another', 'postgres', 'template1']) {
      for (const options of ['', '-c session_preload_libraries=', '-c local_preload_libraries=']) {
        const answer = await login(other, options);
        assert.notEqual(answer.opened, true, `${other} ${options}`);
        assert.match((answer as { message: string }).message, /FATAL/);
      }
    }
    // A database that is made later is no other one.
    await server.psql('postgres', 'CREATE DATABASE later');
    assert.notEqual((await login('later')).opened, true);
    assert.deepEqual(await sealed(), before);
  });

  it('cannot take that back, for itself or for others', async () => {
    const tries = [
      'ALTER ROLE CURRENT_USER RESET session_preload_libraries',
      "ALTER ROLE CURRENT_USER SET session_preload_libraries = ''",
      `ALTER ROLE CURRENT_USER IN DATABASE ${live} SET session_preload_libraries = ''`,
      `ALTER DATABASE ${live} SET session_preload_libraries = ''`,
      `ALTER DATABASE ${live} RENAME TO gone`,
      `DROP DATABASE ${live}`,
      'SET ROLE tiny',
      'SET SESSION AUTHORIZATION tiny',
      'CREATE ROLE other LOGIN',
      'CREATE DATABASE other',
      'ALTER ROLE tiny PASSWORD NULL',
      "COPY (SELECT 1) TO PROGRAM 'true'",
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'`,
    ];
    for (const sql of tries) {
      await assert.rejects(asRole(`${sql};`), (error) => {
        assert.match(programFailure(error)?.stderr ?? '', /ERROR/, sql);
        return true;
      });
    }
    await asRole('ALTER ROLE CURRENT_USER RESET ALL;');
    assert.notEqual((await login(live)).opened, true);
  });

  it('may do in the copy what the role of the product may do in the live database', async () => {
    const before = await sealed();
    await asRole(`ALTER TABLE wells ADD COLUMN operator text NOT NULL DEFAULT ''; UPDATE wells SET depth = depth + 1;
      ALTER TYPE mood ADD VALUE 'worse'; ALTER DOMAIN feet DROP CONSTRAINT feet_check; ALTER TABLE logs DROP COLUMN well;
      ALTER TABLE part1 RENAME TO part2; DROP SEQUENCE free; DROP MATERIALIZED VIEW kept; DROP VIEW names; DROP FUNCTION twice(int);
      DROP AGGREGATE total (int); SELECT lo_unlink(4711); INSERT INTO audit VALUES ('seen');
      ALTER TABLE shared ADD COLUMN more text; CREATE TABLE made (id int); CREATE SCHEMA more; DELETE FROM made;`);
    await assert.rejects(asRole('SELECT * FROM hidden;'), (error) => {
      assert.match(programFailure(error)?.stderr ?? '', /permission denied for table hidden/);
      return true;
    });
    await assert.rejects(asRole('SELECT * FROM audit;'), (error) => {
      assert.match(programFailure(error)?.stderr ?? '', /permission denied for table audit/);
      return true;
    });
    assert.deepEqual(await sealed(), before);
  });

  it('goes with its copy, by its mark, and what has no mark stays and is named', async () => {
    const others = [1, 2].map((pid) => besideName(live, 'rehearsal', new Date(0), pid));
    await server.psql('postgres', `CREATE ROLE "${others[0]}"`);
    await server.psql('postgres', `CREATE DATABASE "${others[1]}"`);
    assert.deepEqual((await foreignRehearsals(context())).map(unmarked), [
      `role ${others[0]}`,
      `database ${others[1]}`,
    ]);
    // A role whose database was not made yet.
    const early = besideName(live, 'rehearsal', new Date(0), 3);
    await makeRole(context(), early, { password, sessions: 3, signal });
    assert.deepEqual((await dropRehearsals(context())).sort(), [early, name].sort());
    const left = await server.psql(
      'postgres',
      `SELECT datname FROM pg_database WHERE datname ~ 'rehearsal' UNION ALL
       SELECT rolname FROM pg_roles WHERE rolname ~ 'rehearsal' UNION ALL
       SELECT setconfig::text FROM pg_db_role_setting WHERE setconfig::text ~ 'rehearsal' ORDER BY 1`,
    );
    assert.deepEqual(left.split('\n'), [...others].sort());
    assert.deepEqual(await dropRehearsals(context()), []);
  });

  it('is not made where the product is a superuser there, or where no session is left', async () => {
    await assert.rejects(assertCanRehearse(context(), 'postgres'), (error) => {
      assert.ok(error instanceof IvaapError);
      assert.match(error.message, /superuser/);
      return true;
    });
    const full = { query: () => Promise.resolve([['4', 'f']]) } as unknown as ReturnType<
      typeof context
    >['database'];
    await assert.rejects(assertCanRehearse({ database: full }, 'tiny'), /no more than 4 sessions left/);
  });
});
