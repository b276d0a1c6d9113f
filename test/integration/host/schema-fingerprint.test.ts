import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPostgres } from '../../../src/host/postgres.ts';
import { readSchemaFingerprint } from '../../../src/host/schema-fingerprint.ts';
import { compareSchemas, differenceText } from '../../../src/policy/schema-fingerprint.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';

let server: OwnPostgres;
const ask = (database: string) =>
  readSchemaFingerprint(
    createPostgres(server.kubectl, {
      namespace: 'n',
      selector: 'app=db',
      container: 'db',
      user: 'postgres',
      database,
    }),
  );

/** Something of every kind, among it what PostgreSQL writes in other words after a restore. */
const everything = `
  CREATE EXTENSION pgcrypto;
  CREATE SCHEMA app; CREATE SCHEMA "Odd "" one";
  CREATE TYPE app.state AS ENUM ('new', 'old');
  CREATE DOMAIN app.depth AS numeric(8, 2) NOT NULL DEFAULT 0 CHECK (VALUE >= 0) CHECK (VALUE::varchar IN ('0', '1', '1.00', '0.00'));
  CREATE TYPE app.place AS (x int, y text);
  CREATE TYPE app.span AS RANGE (subtype = float8, subtype_diff = float8mi);
  CREATE COLLATION app.plain (provider = icu, locale = 'und');
  CREATE SEQUENCE app.numbers INCREMENT 5;
  CREATE TABLE app.wells (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Na me" text COLLATE app.plain NOT NULL, n bigserial,
    state app.state DEFAULT 'new', depth app.depth, at timestamptz DEFAULT '2026-01-01 00:00:00+05', span app.span,
    kind varchar(20) CHECK (kind IN ('oil', 'g''as, ]', 'wat"er')), short char(3) CHECK (short IN ('a', 'b')),
    twice int GENERATED ALWAYS AS (length('x') * 2) STORED, number int DEFAULT nextval('app.numbers'),
    EXCLUDE USING gist (span WITH &&)) WITH (fillfactor = 70);
  ALTER TABLE app.wells ADD gone int; ALTER TABLE app.wells ADD later text; ALTER TABLE app.wells DROP gone;
  CREATE TABLE "Odd "" one"."T" (id int REFERENCES app.wells ON DELETE CASCADE DEFERRABLE, d date);
  ALTER TABLE "Odd "" one"."T" ADD CONSTRAINT "c c" CHECK (id > 0) NOT VALID;
  CREATE TABLE app.child (own int) INHERITS (app.wells); ALTER TABLE app.wells ADD added int DEFAULT 3;
  CREATE TABLE app.parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE app.part1 PARTITION OF app.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE app.part0 (day date NOT NULL, id int NOT NULL); ALTER TABLE app.parts ATTACH PARTITION app.part0 DEFAULT;
  CREATE TABLE app.of_part (id int, day date, FOREIGN KEY (id, day) REFERENCES app.parts);
  CREATE TABLE app.two (a int, b int);
  CREATE INDEX few ON app.wells (lower("Na me")) WHERE kind IN ('oil', 'gas'); CREATE INDEX ON app.parts (day);
  CREATE UNIQUE INDEX once ON app.wells (n) INCLUDE (state); ALTER TABLE app.wells REPLICA IDENTITY FULL;
  CREATE STATISTICS app.both (ndistinct) ON number, n FROM app.wells;
  CREATE VIEW app.seen AS SELECT w.*, p.day FROM app.wells w LEFT JOIN app.parts p USING (id) WHERE w.kind IN ('oil', 'gas');
  CREATE MATERIALIZED VIEW app.kept AS SELECT count(*) FROM app.wells; CREATE UNIQUE INDEX ON app.kept (count);
  CREATE FUNCTION app.f(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';
  CREATE FUNCTION app.g(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END;
  CREATE PROCEDURE app.p() LANGUAGE plpgsql AS 'BEGIN NULL; END';
  CREATE FUNCTION app.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE FUNCTION app.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
  CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
  CREATE TRIGGER changed BEFORE UPDATE ON app.wells FOR EACH ROW WHEN (OLD.kind IN ('oil', 'gas')) EXECUTE FUNCTION app.t();
  CREATE TRIGGER partly AFTER INSERT ON app.parts FOR EACH ROW EXECUTE FUNCTION app.t();
  CREATE RULE nothing AS ON DELETE TO app.child DO INSTEAD NOTHING;
  CREATE POLICY mine ON app.wells FOR SELECT TO PUBLIC USING (kind IN ('oil', 'gas')); ALTER TABLE app.wells ENABLE ROW LEVEL SECURITY;
  CREATE OPERATOR app.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
  CREATE CAST (app.place AS text) WITH INOUT;
  CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
  CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION app.e();
  CREATE PUBLICATION told FOR TABLE app.of_part;
  INSERT INTO app.wells ("Na me", n, state, depth, kind) VALUES ('Troll', 1, 'new', 1, 'oil');`;

before(async () => {
  server = await startPostgres();
  await server.psql('postgres', 'CREATE DATABASE full_one');
  await server.psql('full_one', everything);
});
after(() => server.stop());

/** What the database with everything answers in the middle of a change, which is not kept. */
async function within(change: string, question: string): Promise<string[][]> {
  const argv = [
    'psql',
    '-X',
    '-q',
    '-A',
    '-t',
    '-v',
    'ON_ERROR_STOP=1',
    '-F',
    '\x1f',
    '-R',
    '\x1e',
    '-d',
    'full_one',
  ];
  const stdin = `SET allow_system_table_mods = on; BEGIN; ${change}; ${question}; ROLLBACK;`;
  const { stdout } = await server.asPostgres(argv, { stdin });
  return stdout
    .trimEnd()
    .split('\x1e')
    .map((row) => row.split('\x1f'));
}

const changes: [sql: string, differs: string][] = [
  ['CREATE SCHEMA more', '1 schema'],
  ['CREATE EXTENSION btree_gin', '1 extension'],
  ['CREATE TABLE app.more (id int, name text, d date)', '1 table, 3 columns'],
  ['CREATE TABLE app.none ()', '1 table'],
  ['DROP TABLE app.of_part', '1 table, 2 columns, 1 constraint, 1 other object'],
  ['ALTER TABLE app.of_part SET (fillfactor = 50)', '1 table'],
  ['ALTER TABLE app.child SET UNLOGGED', '1 table'],
  ['ALTER TABLE app.of_part ENABLE ROW LEVEL SECURITY', '1 table'],
  ['ALTER TABLE app.parts DETACH PARTITION app.part1', '1 table'],
  ['ALTER TABLE app.of_part RENAME TO other', '2 tables, 4 columns, 2 constraints, 1 other object'],
  ['ALTER TABLE app.of_part ADD more int', '1 column'],
  ['ALTER TABLE app.of_part DROP day; ALTER TABLE app.of_part ADD day date', '1 constraint'],
  ['ALTER TABLE "Odd "" one"."T" DROP id; ALTER TABLE "Odd "" one"."T" DROP d', '2 columns, 2 constraints'],
  ['ALTER TABLE app.two DROP a; ALTER TABLE app.two ADD a int', 'the order of columns'],
  ['ALTER TABLE "Odd "" one"."T" ALTER d TYPE timestamp', '1 column'],
  ['ALTER TABLE "Odd "" one"."T" ALTER d SET NOT NULL', '1 column'],
  ['ALTER TABLE "Odd "" one"."T" ALTER d SET DEFAULT \'2026-01-01\'', '1 column'],
  ['ALTER TABLE app.wells ALTER id SET GENERATED BY DEFAULT', '1 column'],
  ['ALTER TABLE app.of_part ADD CHECK (id < 9)', '1 constraint'],
  ['ALTER TABLE "Odd "" one"."T" VALIDATE CONSTRAINT "c c"', '1 constraint'],
  ['ALTER DOMAIN app.depth ADD CHECK (VALUE < 9)', '1 constraint'],
  ['CREATE INDEX more ON app.of_part (id)', '1 index'],
  ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.few'::regclass", '1 index'],
  ['CREATE SEQUENCE app.more', '1 sequence'],
  ['ALTER SEQUENCE app.numbers INCREMENT 6', '1 sequence'],
  ["ALTER TYPE app.state ADD VALUE 'older'", '1 type'],
  ["ALTER TYPE app.state RENAME VALUE 'old' TO 'former'", '1 type'],
  ['ALTER DOMAIN app.depth SET DEFAULT 5', '1 type'],
  ['ALTER TYPE app.place ADD ATTRIBUTE z int', '1 type'],
  ['CREATE TYPE app.other AS RANGE (subtype = int)', '1 type, 1 other object'],
  [
    "CREATE OR REPLACE FUNCTION app.f(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE " +
      "AS 'SELECT a + 1'",
    '1 function',
  ],
  [
    'CREATE OR REPLACE FUNCTION app.g(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + 2; END',
    '1 function',
  ],
  ['CREATE PROCEDURE app.q() LANGUAGE sql AS $$SELECT 1$$', '1 function'],
  ["CREATE OR REPLACE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '1')", '1 function'],
  ['ALTER TABLE app.wells DISABLE TRIGGER changed', '1 trigger'],
  ['DROP TRIGGER partly ON app.parts', '1 trigger'],
  [
    'CREATE OR REPLACE VIEW app.seen AS SELECT w.*, p.day FROM app.wells w LEFT JOIN app.parts p USING (id)',
    '1 view',
  ],
  ['DROP MATERIALIZED VIEW app.kept', '1 index, 1 view'],
  ['CREATE OR REPLACE RULE nothing AS ON DELETE TO app.child DO ALSO NOTHING', '1 rule'],
  ['ALTER POLICY mine ON app.wells USING (true)', '1 policy'],
  ['DROP STATISTICS app.both', '1 statistics object'],
  ['DROP EVENT TRIGGER noted', '1 other object'],
  ['DROP CAST (app.place AS text)', '1 other object'],
  ['DROP OPERATOR app.### (int, int)', '1 other object'],
  ['ALTER TEXT SEARCH CONFIGURATION app.words DROP MAPPING FOR asciiword', '1 other object'],
  ['ALTER PUBLICATION told ADD TABLE app.child', '1 other object'],
  ["CREATE COLLATION app.more (locale = 'C')", '1 other object'],
];

test('every kind of object is in it, and what differs is counted by kind', async () => {
  const was = await ask('full_one');
  const wrong: unknown[] = [];
  for (const [sql, differs] of changes) {
    const is = await readSchemaFingerprint({ query: (question) => within(sql, question) });
    const said = differenceText(compareSchemas(was, is)!);
    if (was.hash === is.hash || said !== differs) wrong.push({ sql, said, differs });
  }
  assert.deepEqual(wrong, []);
});

const unchanging = [
  "INSERT INTO app.parts SELECT n, '2026-02-01' FROM generate_series(1, 5000) n; DELETE FROM app.wells",
  "SELECT nextval('app.numbers'), setval('app.wells_n_seq', 900)",
  'ANALYZE; VACUUM; VACUUM FULL app.wells; VACUUM FREEZE',
  'REINDEX DATABASE CONCURRENTLY full_one_again; REINDEX TABLE app.wells; CLUSTER app.wells USING wells_pkey',
  'REFRESH MATERIALIZED VIEW app.kept',
  'CREATE TEMPORARY TABLE t (id int); CREATE TEMPORARY VIEW v AS SELECT 1',
  'CREATE ROLE other; GRANT SELECT ON app.wells TO other; ALTER TABLE app.parts OWNER TO other',
  "COMMENT ON TABLE app.wells IS 'words'; SELECT lo_from_bytea(0, 'x')",
  `ALTER DATABASE full_one_again SET search_path = app;
   ALTER DATABASE full_one_again SET TimeZone = 'Asia/Tokyo';
   ALTER DATABASE full_one_again SET DateStyle = 'German';
   ALTER DATABASE full_one_again SET quote_all_identifiers = on`,
];

test('rows, statistics, the next value of a sequence, privileges and settings are not in it', async () => {
  await server.psql('postgres', 'CREATE DATABASE full_one_again TEMPLATE full_one');
  const was = await ask('full_one');
  for (const sql of unchanging) {
    for (const statement of sql.split('; ')) await server.psql('full_one_again', statement);
    assert.equal((await ask('full_one_again')).hash, was.hash, sql);
  }
});

test('a dump that was restored has the same, also once it is dumped again', async () => {
  const was = await ask('full_one');
  let from = 'full_one';
  for (const name of ['restored1', 'restored2']) {
    await server.psql('postgres', `CREATE DATABASE ${name} TEMPLATE template0`);
    await server.psql(name, (await server.asPostgres(['pg_dump', '-d', from])).stdout);
    const is = await ask(name);
    assert.deepEqual(compareSchemas(was, is), {}, differenceText(compareSchemas(was, is) ?? {}));
    from = name;
  }
});

test('a database whose table another session changes is not told to be unchanged', async () => {
  const name = 'changing';
  await server.psql('postgres', `CREATE DATABASE ${name} TEMPLATE full_one`);
  const changing = server.psql(
    name,
    'BEGIN; LOCK TABLE app.wells IN ACCESS EXCLUSIVE MODE; ALTER TABLE app.wells ADD more int; ' +
      'SELECT pg_sleep(4); COMMIT',
  );
  await new Promise((done) => setTimeout(done, 500));
  await assert.rejects(ask(name));
  await changing;
  assert.notEqual((await ask(name)).hash, (await ask('full_one')).hash);
});

test('of a schema of a thousand tables it is asked at once, and what differs is told by kind', async () => {
  await server.psql('postgres', 'CREATE DATABASE large');
  const table =
    'CREATE TABLE t%s (id serial PRIMARY KEY, a text, b varchar(9), c int NOT NULL DEFAULT 3, d date)';
  await server.psql(
    'large',
    `DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('${table}', n); END LOOP; END $$`,
  );
  const was = await ask('large');
  assert.equal(was.counts['table'], 1000);
  assert.equal(was.marks, undefined);
  await server.psql('large', 'ALTER TABLE t7 ADD more int; CREATE TABLE t0 (id int)');
  const is = await ask('large');
  assert.equal(differenceText(compareSchemas(was, is)!), 'tables, columns');
});
