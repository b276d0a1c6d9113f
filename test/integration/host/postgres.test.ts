import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createHash } from 'node:crypto';
import type { IvaapError } from '../../../src/errors.ts';
import { writeDump } from '../../../src/host/dump-file.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { createPostgres, type Postgres } from '../../../src/host/postgres.ts';
import { createRunner } from '../../../src/host/runner.ts';

const runner = createRunner();
const programs = '/usr/lib/postgresql/15/bin';

describe('a real PostgreSQL 15', () => {
  let folder = '';
  let postgres: Postgres;
  let running = true;
  /** What kubectl's exec is put through. */
  let relay: [] | [string, string] = [];
  const asPostgres = (...argv: string[]) => runner.run(['runuser', '-u', 'postgres', '--', ...argv]);
  const psql = (database: string, sql: string) =>
    asPostgres(
      'psql',
      '-X',
      '-q',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      folder,
      '-d',
      database,
      '-c',
      sql,
    );

  before(async () => {
    folder = mkdtempSync('/var/tmp/test-postgres-');
    const { stdout } = await runner.run(['id', '-u', 'postgres']);
    chownSync(folder, Number(stdout), 0);
    await asPostgres(`${programs}/initdb`, '-D', join(folder, 'data'), '-A', 'trust', '--no-sync');
    const settings = `-c listen_addresses= -c unix_socket_directories=${folder} -c fsync=off`;
    await asPostgres(
      `${programs}/pg_ctl`,
      '-D',
      join(folder, 'data'),
      '-w',
      '-s',
      '-l',
      join(folder, 'log'),
      '-o',
      settings,
      'start',
    );
    await psql('postgres', 'CREATE DATABASE welldb');
    await psql(
      'welldb',
      `CREATE TABLE wells (id int PRIMARY KEY, name text, raw bytea);
       INSERT INTO wells SELECT n, E'well\\n' || n || E'\\t\\\\.', decode(repeat('ab', 500), 'hex') FROM generate_series(1, 3000) n;
       CREATE TABLE "odd (name)" ("a ""b"" (c)" int);
       INSERT INTO "odd (name)" VALUES (NULL), (2);
       CREATE TABLE schema_version (version int);
       INSERT INTO schema_version VALUES (3), (5);`,
    );
    // What kubectl does between us and the pod: it starts the program there, with our streams.
    const kubectl = {
      list: () =>
        Promise.resolve(
          running
            ? [
                {
                  metadata: { name: 'db-0' },
                  spec: { containers: [] },
                  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
                },
              ]
            : [],
        ),
      logs: () => Promise.resolve('the last line of the log'),
      exec: (_target, argv, options) =>
        runner.run(
          [...relay, 'runuser', '-u', 'postgres', '--', 'env', `PGHOST=${folder}`, ...argv],
          options,
        ),
    } as Partial<Kubectl> as Kubectl;
    postgres = createPostgres(kubectl, {
      namespace: 'n',
      selector: 'app=db',
      container: 'db',
      user: 'postgres',
      database: 'welldb',
    });
  });
  after(async () => {
    await asPostgres(`${programs}/pg_ctl`, '-D', join(folder, 'data'), '-m', 'immediate', '-s', 'stop');
    rmSync(folder, { recursive: true });
  });

  it('answers queries in rows and columns', async () => {
    assert.deepEqual(
      await postgres.query("SELECT 1, 'a|b', NULL UNION ALL SELECT 2, E'c\\nd', 'x' ORDER BY 1"),
      [
        ['1', 'a|b', ''],
        ['2', 'c\nd', 'x'],
      ],
    );
    assert.deepEqual(await postgres.query('SELECT 1 WHERE false'), []);
    assert.match(await postgres.serverVersion(), /^15\.\d+$/);
  });

  it('changes nothing, for any query', async () => {
    await assert.rejects(postgres.query('DELETE FROM wells'), (error: IvaapError) => {
      assert.match(error.output ?? '', /read-only transaction/);
      return error.code === 'failed';
    });
    assert.deepEqual(await postgres.query('SELECT count(*) FROM wells'), [['3000']]);
  });

  it('reads the schema version, 0 without row or table', async () => {
    assert.equal(await postgres.schemaVersion('SELECT max(version) FROM schema_version'), 5);
    assert.equal(await postgres.schemaVersion('SELECT version FROM schema_version WHERE false'), 0);
    assert.equal(await postgres.schemaVersion('SELECT max(version) FROM no_such_table'), 0);
    await assert.rejects(postgres.schemaVersion("SELECT 'five'"), /instead of a number/);
    await assert.rejects(postgres.schemaVersion('SELECT nonsense FROM wells'), /failed with exit code/);
  });

  it('is dumped completely: rows counted, hash of the same file, restorable', async () => {
    const path = join(folder, 'dump.sql');
    const seen: number[] = [];
    const summary = await writeDump(postgres, path, { onBytes: (bytes) => seen.push(bytes) });
    assert.deepEqual(
      summary.tables.map(({ table, rows }) => ({ table, rows })).toSorted((a, b) => a.rows - b.rows),
      [
        { table: 'public."odd (name)"', rows: 2 },
        { table: 'public.schema_version', rows: 2 },
        { table: 'public.wells', rows: 3000 },
      ],
    );
    assert.equal(summary.totalRows, 3004);
    const bytes = readFileSync(path);
    assert.equal(summary.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.equal(summary.sizeBytes, bytes.length);
    assert.equal(seen.at(-1), bytes.length);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(existsSync(`${path}.partial`), false);
    await psql('postgres', 'CREATE DATABASE restored');
    await runner.run(
      [
        'runuser',
        '-u',
        'postgres',
        '--',
        'psql',
        '-X',
        '-q',
        '-v',
        'ON_ERROR_STOP=1',
        '-h',
        folder,
        '-d',
        'restored',
      ],
      { stdin: bytes },
    );
    const sum = "SELECT md5(string_agg(w::text, '' ORDER BY id)) FROM wells w";
    assert.equal((await psql('restored', sum)).stdout, (await psql('welldb', sum)).stdout);
  });

  it('is dumped completely through a kubectl that loses what it has not passed on when the program ends', async () => {
    const lossy = join(import.meta.dirname, '../../fixtures/lossy-relay.ts');
    const { stdout } = await runner.run([process.execPath, lossy, 'seq', '1000000']);
    assert.ok(stdout.length < 6_888_896, 'the relay loses');
    relay = [process.execPath, lossy];
    try {
      const { totalRows } = await writeDump(postgres, join(folder, 'relayed.sql'));
      assert.equal(totalRows, 3004);
    } finally {
      relay = [];
    }
  });

  it('leaves no dump when pg_dump fails half-way, and names why', async () => {
    const path = join(folder, 'failed.sql');
    await psql('welldb', 'CREATE TABLE broken (a int); INSERT INTO broken VALUES (1)');
    // The file behind the table goes away: pg_dump fails in the middle of the data.
    const { stdout } = await psql('welldb', "CHECKPOINT; SELECT pg_relation_filepath('broken')");
    rmSync(join(folder, 'data', stdout.trim()));
    await asPostgres(
      `${programs}/pg_ctl`,
      '-D',
      join(folder, 'data'),
      '-w',
      '-s',
      '-l',
      join(folder, 'log'),
      'restart',
    );
    await assert.rejects(writeDump(postgres, path), (error: IvaapError) => {
      assert.match(error.output ?? '', /could not open file/);
      return true;
    });
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(`${path}.partial`), false);
    await psql('welldb', 'DROP TABLE broken').catch(() => undefined);
  });

  it('gives out roles and settings of the server', async () => {
    assert.match(await postgres.dumpGlobals(), /CREATE ROLE postgres/);
  });

  it('says what the pods say when none is ready', async () => {
    running = false;
    await assert.rejects(postgres.pod(), (error: IvaapError) => {
      assert.match(error.message, /not running/);
      assert.match(error.output ?? '', /no pod matches app=db/);
      return true;
    });
    running = true;
  });
});
