import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DumpContext, takeDump } from '../../../src/backup/dump-files.ts';
import type { PgDump } from '../../../src/backup/dump-record.ts';
import { dropMoved, movedDatabases } from '../../../src/backup/moved-databases.ts';
import { isProved, loadBeside } from '../../../src/backup/restore-copy.ts';
import { rowsThenAndNow } from '../../../src/backup/rows-then-and-now.ts';
import { dropDatabase, dropLeftovers } from '../../../src/backup/scratch-database.ts';
import { besideName } from '../../../src/backup/scratch-name.ts';
import { sessionsOf, swapDatabases, swapped } from '../../../src/backup/swap-databases.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { IvaapError } from '../../../src/errors.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { DumpScan } from '../../../src/host/dump-scan.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { proveRows } from '../../../src/backup/row-proof.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { asTold } from '../../fixtures/as-told.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const name = `Wells "of" it's`;
const quote = (word: string) => `"${word.replaceAll('"', '""')}"`;
const quoted = quote(name);

const setUp = `CREATE ROLE "App ""Owner""" LOGIN PASSWORD 'then'; CREATE ROLE gone LOGIN; CREATE ROLE reader;
  CREATE DATABASE ${quoted} TEMPLATE template0 OWNER "App ""Owner""";
  COMMENT ON DATABASE ${quoted} IS E'the wells\\nof "then"';
  ALTER DATABASE ${quoted} SET timezone = 'Asia/Kathmandu';
  ALTER DATABASE ${quoted} SET bytea_output = 'escape';
  ALTER ROLE reader IN DATABASE ${quoted} SET work_mem = '9MB';
  REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC; GRANT CONNECT ON DATABASE ${quoted} TO reader;
  ALTER DATABASE ${quoted} IS_TEMPLATE true CONNECTION LIMIT 77;`;

const content = `CREATE SCHEMA app;
  CREATE TABLE app."Wells ""x""" (id serial PRIMARY KEY, name text, at timestamptz DEFAULT now(), raw bytea,
    depth numeric, feet numeric GENERATED ALWAYS AS (depth * 3) STORED);
  ALTER TABLE app."Wells ""x""" OWNER TO gone;
  INSERT INTO app."Wells ""x""" (name, raw, depth)
    SELECT E'well\\t\\\\' || n, decode('0a5c2e' || lpad(to_hex(n), 4, '0'), 'hex'), n / 7.0 FROM generate_series(1, 300) n;
  CREATE TABLE migrations (version int); INSERT INTO migrations VALUES (3);
  CREATE TABLE later_dropped (id int); INSERT INTO later_dropped VALUES (1);
  CREATE FUNCTION app.spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''spoiled''; RETURN NEW; END';
  CREATE TRIGGER spoil BEFORE INSERT ON app."Wells ""x""" FOR EACH ROW EXECUTE FUNCTION app.spoil();
  SELECT lo_from_bytea(4711, decode(repeat('00ff5c', 20000), 'hex'));`;

const upgraded = `UPDATE migrations SET version = 4; DROP TABLE later_dropped; CREATE TABLE new_one (id int);
  ALTER TABLE app."Wells ""x""" DISABLE TRIGGER spoil; INSERT INTO new_one VALUES (1);
  INSERT INTO app."Wells ""x""" (name) VALUES ('since'), ('then'); UPDATE app."Wells ""x""" SET name = 'changed' WHERE id = 5;
  DELETE FROM app."Wells ""x""" WHERE id = 6`;

describe('a database that is restored beside the live one and swapped with it, on a real PostgreSQL 15', () => {
  let server: OwnPostgres;
  let dump: PgDump;
  const product = productSchema.parse({
    ...tinyProduct,
    database: {
      ...tinyProduct.database,
      user: 'postgres',
      name,
      schemaVersionQuery: 'SELECT max(version) FROM public.migrations',
    },
  });
  const { signal } = new AbortController();
  const io = {
    signal,
    record: () => Promise.resolve(),
    progress: () => undefined,
    warn: () => undefined,
  } as unknown as StepIo;
  const context = (exec: Kubectl['exec'] = (...call) => server.kubectl.exec(...call)) => {
    const kubectl = {
      ...server.kubectl,
      exec,
      get: () => Promise.resolve(undefined),
      list: (kind: string) => (kind === 'pods' ? server.kubectl.list(kind) : Promise.resolve([])),
    } as Kubectl;
    const of = { namespace: 'tiny', selector: 'app=db', container: 'db', user: 'postgres', database: name };
    const database = createPostgres(kubectl, of);
    const paths = { backups: join(server.folder, 'backups') };
    const run = { k3s: 'k3s', from: '2026.1', installedBy: undefined, now: () => new Date() };
    return { product, kubectl, database, paths, ...run } satisfies DumpContext;
  };
  const databases = async () =>
    (await server.psql('postgres', 'SELECT datname FROM pg_database')).split('\n');
  const refused = (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof IvaapError, String(error));
      assert.equal(error.exitCode, 6);
      assert.match(asTold(error.message), message);
      return true;
    });
  /** What the database itself and the server's roles have. */
  const properties = (database: string) =>
    server.psql(
      'postgres',
      `SELECT pg_get_userbyid(datdba), datacl, datconnlimit, datistemplate, datallowconn, shobj_description(oid, 'pg_database'),
         (SELECT array_agg(ROW(setrole::regrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid),
         (SELECT array_agg(ROW(rolname, rolcanlogin, rolpassword) ORDER BY rolname) FROM pg_authid WHERE rolname !~ '^pg_')
       FROM pg_database d WHERE datname = '${database.replaceAll("'", "''")}'`,
    );
  const rows = (database: string) =>
    server.psql(
      database,
      `SELECT count(*), md5(string_agg(w::text, ',' ORDER BY id)), (SELECT max(version) FROM migrations),
         md5(lo_get(4711)), (SELECT last_value FROM app."Wells ""x""_id_seq") FROM app."Wells ""x""" w`,
    );
  const load = () => loadBeside(context(), dump, { signal });
  const moved = () => besideName(name, 'moved', new Date());
  let then = { rows: '', properties: '' };

  before(async () => {
    server = await startPostgres();
    await server.psql('postgres', setUp);
    await server.psql(name, content);
    dump = await takeDump(context(), io);
    then = { rows: await rows(name), properties: await properties(name) };
  });
  after(() => server.stop());

  /** The dump with some of its text replaced. */
  const changed = (from: string | RegExp, to: string) => {
    const path = join(server.folder, 'changed.sql');
    const text = readFileSync(dump.path, 'latin1');
    const other = text.replace(from, () => to);
    assert.notEqual(other, text);
    writeFileSync(path, other, 'latin1');
    return { folder: dump.folder, path };
  };
  const end = '--\n-- PostgreSQL database dump complete';

  it('knows its tables for the planner, before the first query comes', async () => {
    const copy = await load();
    const known = await server.psql(copy.name, 'SELECT count(*) FROM pg_stats WHERE schemaname = $$app$$');
    assert.ok(Number(known) > 0, known);
    await dropDatabase(context().database, copy.name);
  });

  it('tells which rows were written since the dump', async () => {
    const ctx = context();
    assert.deepEqual(await rowsThenAndNow(ctx, dump), [
      { table: 'app."Wells ""x"""', dumped: 300, now: 300, written: 0 },
      { table: 'public.later_dropped', dumped: 1, now: 1, written: 0 },
      { table: 'public.migrations', dumped: 1, now: 1, written: 0 },
    ]);
    await server.psql(name, upgraded);
    const now = await rowsThenAndNow(ctx, dump);
    assert.deepEqual(now, [
      { table: 'app."Wells ""x"""', dumped: 300, now: 301, written: 3 },
      { table: 'public.later_dropped', dumped: 1, now: undefined, written: undefined },
      { table: 'public.migrations', dumped: 1, now: 1, written: 1 },
      { table: 'public.new_one', dumped: undefined, now: 1, written: 1 },
    ]);
    const elsewhere = { ...dump, moment: { ...dump.moment!, server: '1' } };
    assert.deepEqual(
      (await rowsThenAndNow(ctx, elsewhere)).map(({ now: there, written }) => [there, written]),
      now.map(({ now: there }) => [there, undefined]),
    );
  });

  it('loads a dump, with the settings of its database, while the live one and the roles stay as they are', async () => {
    await server.psql('postgres', `ALTER ROLE "App ""Owner""" PASSWORD 'now'; ALTER ROLE reader LOGIN`);
    await server.psql(name, `ALTER TABLE app."Wells ""x""" OWNER TO postgres`);
    await server.psql('postgres', 'DROP ROLE gone');
    const live = [await rows(name), await properties(name)];
    const copy = await load();
    assert.deepEqual([copy.rows, copy.schemaVersion], [302, 3]);
    assert.deepEqual(
      copy.tables.map(({ table, rows: count }) => [table, count]),
      [
        ['app."Wells ""x"""', 300],
        ['public.later_dropped', 1],
        ['public.migrations', 1],
      ],
    );
    assert.equal(await rows(copy.name), then.rows);
    assert.ok(await isProved(context(), copy.name));
    assert.equal(
      await server.psql('postgres', `SELECT rolcanlogin FROM pg_roles WHERE rolname = 'gone'`),
      'f',
    );
    await server.psql('postgres', 'ALTER ROLE gone RENAME TO other');
    assert.equal(await rows(name), live[0]);
    assert.equal((await properties(name)).replace('"(other,f,)",', ''), live[1]);
    await server.psql('postgres', 'ALTER ROLE other RENAME TO gone');
    assert.deepEqual(await dropLeftovers(context(), 'restore'), [copy.name]);
  });

  it('gives a file alone what belongs to the live database itself, and refuses another schema version', async () => {
    const file = { path: dump.path };
    const copy = await loadBeside(context(), file, { signal, schemaVersion: 3 });
    const withoutMark = async (one: string) => (await properties(one)).split('|').toSpliced(5, 1);
    assert.deepEqual(await withoutMark(copy.name), await withoutMark(name));
    assert.match(await properties(copy.name), /"ivaap": "complete".*the wells/s);
    assert.deepEqual(await dropLeftovers(context(), 'restore'), [copy.name]);
    await refused(
      loadBeside(context(), file, { signal, schemaVersion: 5 }),
      /has schema version 3, and not 5/,
    );
    assert.deepEqual(await dropLeftovers(context(), 'restore'), []);
  });

  it('refuses a copy in which anything is not as in the file, and drops it', async () => {
    const there = await databases();
    const value = changed(end, `UPDATE app."Wells ""x""" SET depth = 0 WHERE id = 70;\n${end}`);
    await refused(
      loadBeside(context(), value, { signal }),
      /"Wells ""x""" has 300 rows, but not with the same values/,
    );
    assert.deepEqual(await databases(), there);
    const { name: copy } = await load();
    const scan = new DumpScan();
    scan.update(readFileSync(dump.path));
    const summary = scan.finish();
    const into = context().database.on(copy);
    await proveRows(into, dump.path, summary, signal);
    for (const [statement, message] of [
      [`SELECT nextval('app."Wells ""x""_id_seq"')`, /sequences has 1 row, but not with the same values/],
      ["SELECT lo_put(4711, 9, 'x')", /large objects has 1 row, but not with the same values/],
      ['SELECT lo_unlink(4711)', /large objects has 0 rows instead of 1/],
      ['DELETE FROM migrations', /public\.migrations has 0 rows instead of 1; /],
      ['DROP TABLE migrations', /public\.migrations is missing/],
    ] as const) {
      await server.psql(copy, `SET default_transaction_read_only = off; ${statement}`);
      await refused(proveRows(into, dump.path, summary, signal), message);
    }
  });

  it('proves a dump of before, whose times are in the zone of its database, and one of an elsewhere', async () => {
    const path = join(server.folder, 'before.sql');
    const { stdout } = await server.asPostgres(['pg_dump', '-d', name]);
    assert.match(stdout, /\+05:45/);
    writeFileSync(path, stdout);
    assert.doesNotMatch(readFileSync(dump.path, 'latin1'), /\+05:45/);
    await loadBeside(context(), { path, folder: dump.folder }, { signal });
    await loadBeside(context(), { path: dump.path }, { signal });
    assert.equal((await dropLeftovers(context(), 'restore')).length, 1);
  });

  it('does not take the name over while others work with the database, and names them', async () => {
    const { name: incoming } = await load();
    const working = server
      .psql(name, `SET application_name = 'night job'; SELECT pg_sleep(120)`)
      .catch(() => 'ended');
    while ((await sessionsOf(context())).length === 0) await sleep(50);
    const names = { incoming, outgoing: moved() };
    await refused(
      swapDatabases(context(), { ...names, endSessions: false, signal }),
      /other sessions use the database .*session \d+ of user postgres \(night job\), from the pod itself/,
    );
    assert.equal(await swapped(context(), names), 'before');
    await server.psql(
      'postgres',
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'night job'",
    );
    assert.equal(await working, 'ended');
  });

  it('takes no copy that is not complete', async () => {
    const incoming = besideName(name, 'restore', new Date(), 1);
    await server.psql('postgres', `CREATE DATABASE ${quote(incoming)}`);
    await refused(
      swapDatabases(context(), { incoming, outgoing: moved(), endSessions: true }),
      /is not a complete copy/,
    );
    await server.psql('postgres', `DROP DATABASE ${quote(incoming)}`);
  });

  it('ends sessions, also those that come back, and all that belonged to the database is as it was', async () => {
    const { name: incoming } = await load();
    const live = await rows(name);
    const restlessly = { goes: true };
    const restless = Array.from({ length: 3 }, async () => {
      while (restlessly.goes) await server.psql(name, 'SELECT pg_sleep(60)').catch(() => undefined);
    });
    const names = { incoming, outgoing: moved() };
    const swap = () => swapDatabases(context(), { ...names, folder: dump.folder, endSessions: true, signal });
    await swap().finally(() => (restlessly.goes = false));
    await server.psql(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'`,
    );
    await Promise.all(restless);
    assert.equal(await swapped(context(), names), 'after');
    assert.deepEqual([await rows(name), await properties(name)], [then.rows, then.properties]);
    assert.equal(await rows(names.outgoing), live);
    // A second time, as after a crash: nothing happens.
    await swap();
    assert.equal(await rows(name), then.rows);
    const [found] = await movedDatabases(context());
    assert.equal(found?.name, names.outgoing);
    assert.ok(found.size.known && found.size.value.sizeBytes > 1_000_000);
    assert.ok(Math.abs(Date.parse(found.movedAt) - Date.now()) < 600_000);

    // And back again: the moved one is taken without a mark.
    const back = { incoming: names.outgoing, outgoing: moved().replace(/_\d+$/, '_7') };
    await swapDatabases(context(), { ...back, endSessions: true, signal });
    assert.equal(await rows(name), live);
    assert.equal(await rows(back.outgoing), then.rows);
    await refused(dropMoved(context(), name), /is not a database that a restore has moved aside/);
    await dropMoved(context(), back.outgoing);
    assert.deepEqual(await movedDatabases(context()), []);
  });

  it('is one of the two whole states wherever it is killed, and ends well typed again', async () => {
    const { name: incoming } = await load();
    const live = await rows(name);
    const names = { incoming, outgoing: moved() };
    const options = { ...names, folder: dump.folder, endSessions: false, signal };
    const killed = new Error('killed');
    const kill = async (cut: (text: string) => string) => {
      let died = false;
      const { database } = context(async (target, argv, { stdin, ...how } = {}) => {
        // A dead program asks nothing any more.
        if (died) throw killed;
        const text = typeof stdin === 'string' ? stdin : '';
        if (!text.includes('RENAME TO')) {
          return server.kubectl.exec(target, argv, { ...how, ...(stdin !== undefined && { stdin }) });
        }
        died = true;
        await server.kubectl.exec(target, argv, { ...how, stdin: cut(text), okCodes: 'any' });
        throw killed;
      });
      await assert.rejects(swapDatabases({ product, database }, options), killed);
      assert.ok(died);
      return swapped(context(), names);
    };
    for (const cut of [
      () => '',
      (text: string) => text.slice(0, text.indexOf('ALTER DATABASE')),
      (text: string) => text.slice(0, text.indexOf('ALTER DATABASE :"incoming"')),
      (text: string) => text.slice(0, text.lastIndexOf('COMMIT')),
      (text: string) =>
        text.replace('ALTER DATABASE :"incoming"', 'SELECT pg_terminate_backend(pg_backend_pid());\n$&'),
    ]) {
      assert.equal(await kill(cut), 'before');
      assert.equal(await rows(name), live);
    }
    assert.equal(await kill((text) => text), 'after');
    assert.deepEqual([await rows(name), await properties(name)], [then.rows, then.properties]);
    await swapDatabases(context(), options);
    assert.equal(await swapped(context(), names), 'after');
    assert.deepEqual([await rows(name), await properties(name)], [then.rows, then.properties]);
    assert.equal(await rows(names.outgoing), live);
  });

  it('says what is there where it is neither of the two states', async () => {
    const names = { incoming: besideName(name, 'restore', new Date(), 1), outgoing: moved() };
    await refused(swapped(context(), names), /are not there as they were left: .* there is /);
  });

  it('changes nothing where there is no room for a copy', async () => {
    await dropLeftovers(context(), 'restore');
    const there = await databases();
    const full: Kubectl['exec'] = async (target, argv, options) =>
      argv[0] === 'df'
        ? { exitCode: 0, stdout: 'head\n/dev/sda 100 99 1 99% /\n', stderr: '', stdinBytes: 0, durationMs: 0 }
        : server.kubectl.exec(target, argv, options);
    await refused(loadBeside(context(full), dump, { signal }), /not enough free space for a second copy/);
    assert.deepEqual(await databases(), there);
  });

  it('says which file could not be loaded where its folder is gone', async () => {
    const gone = { ...dump, path: join(dirname(dump.folder), 'none', 'none.sql'), folder: undefined };
    await refused(loadBeside(context(), gone, { signal }), /none\.sql cannot be read: ENOENT/);
  });
});
