import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside, k3s } from '../beside.ts';
import { assertImagesOf, helmHistory } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';
import { migratedWell, sampleWells, withoutIds } from '../wells.ts';

/**
 * An upgrade from PostgreSQL 15 to 17, killed while the new server is restored into, and typed again; every
 * row, role and setting goes along. Then `restore` brings the old folder and release back, and `--undo` the
 * new one.
 */

const confirm = ['--confirm', 'ivaap'];

/** Kills the run, by the process that holds its lock, as soon as the new server is ready. */
const killWithNewServer = `
  until ${k3s} kubectl get pod -n ivaap ivaap-next-database -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null | grep -q True
  do sleep 0.2; done
  kill -9 "$(grep -oE '"pid": ?[0-9]+' /opt/ivaap/.installer/lock | grep -oE '[0-9]+')"`;

/** What a database has beside its tables' rows. */
const extras = `CREATE ROLE "re porter" LOGIN PASSWORD 'kept' CONNECTION LIMIT 7;
  GRANT CONNECT ON DATABASE ivaapdb TO "re porter";
  ALTER ROLE "re porter" IN DATABASE ivaapdb SET work_mem = '9MB'; ALTER DATABASE ivaapdb SET statement_timeout = '77s';
  CREATE TABLE "Odd Name" (id serial PRIMARY KEY, raw bytea, at timestamptz DEFAULT now(), n numeric, doc jsonb);
  INSERT INTO "Odd Name" (raw, n, doc) SELECT decode(lpad(to_hex(g), 8, '0'), 'hex'), g / 7.0, jsonb_build_object('g', g) FROM generate_series(1, 500) g;
  GRANT SELECT ON "Odd Name" TO "re porter";
  SELECT lo_from_bytea(4711, decode(repeat('00ff5c', 20000), 'hex'));`;

const askExtras = `SELECT (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM "Odd Name" t),
  (SELECT last_value FROM "Odd Name_id_seq"), md5(lo_get(4711)),
  (SELECT array_agg((rolname, rolcanlogin, rolconnlimit, rolpassword)::text ORDER BY rolname) FROM pg_authid WHERE rolname !~ '^pg_'),
  (SELECT array_agg((setrole::regrole, setconfig)::text ORDER BY setrole) FROM pg_db_role_setting),
  has_table_privilege('re porter', 'public."Odd Name"', 'SELECT'), (SELECT datacl FROM pg_database WHERE datname = 'ivaapdb')`;

const majorOf = async (host: TestHost) =>
  Math.floor(Number(await host.sql('SHOW server_version_num')) / 10_000);

const foldersOf = async (host: TestHost) =>
  (await host.shell('ls -d /opt/ivaap/postgres*')).stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/\d{8}T\d{6}Z$/, 'TIME'));

async function assertRuns(host: TestHost, version: string, major: number): Promise<void> {
  await host.untilHealthy();
  await assertImagesOf(host, version);
  const last = (await helmHistory(host)).at(-1);
  assert.deepEqual([last?.status, last?.version], ['deployed', version]);
  assert.equal((await readState(host)).installed?.version, version);
  assert.equal(await majorOf(host), major);
}

test('an upgrade to PostgreSQL 17 keeps every row, and restore brings 15 back with its own', async (t) => {
  await withHost('installed-2026.1', 25, async (host) => {
    const chapter = chapters(t, host);
    await host.sql(extras);
    const before = {
      tables: await tableChecksums(host),
      wells: await host.wells.checksum(),
      extras: await host.sql(askExtras),
    };
    const run = async (words: readonly string[], code: number, what: string) => {
      const result = await host.ivaap('2026.3', words, { timeoutMs: 500_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, code, what);
      return result;
    };

    await chapter('a dry run says where the data go, and changes nothing', async () => {
      const { stdout } = await run(['install', '--upgrade', '--dry-run'], 0, 'the dry run');
      assert.match(stdout, /PostgreSQL 17/);
      for (const step of ['upgrade_halt', 'upgrade_pg_load', 'upgrade_pg_switch'])
        assert.ok(stdout.includes(step));
      assert.deepEqual(await foldersOf(host), ['/opt/ivaap/postgres']);
    });

    await chapter('beside another database of the server it is refused', async () => {
      await host.sql('CREATE DATABASE others');
      const { stderr } = await run(
        ['install', '--upgrade'],
        3,
        'an upgrade that would leave a database behind',
      );
      assert.match(stderr, /other databases, which would not be in it: others/);
      await host.sql('DROP DATABASE others');
    });

    await chapter('killed while the new server is restored into, the old data are as they were', async () => {
      await beside(host, killWithNewServer);
      const killed = await host.ivaap('2026.3', ['install', '--upgrade'], { timeoutMs: 500_000 });
      assert.equal(killed.signal, 'SIGKILL', killed.stderr);
      assert.deepEqual(await tableChecksums(host), before.tables);
      assert.deepEqual(await foldersOf(host), ['/opt/ivaap/postgres', '/opt/ivaap/postgres.pg17-new']);
      const { stdout } = await host.ivaap('2026.3', ['status']);
      assert.match(stdout, /halted by an upgrade that has not ended/);
    });

    await chapter('typed again it ends on PostgreSQL 17, with all that was there', async () => {
      const { stdout } = await run(['install', '--upgrade'], 0, 'the upgrade');
      assert.match(
        stdout,
        /PostgreSQL 15 -> 17; the data folder from before is kept: \/opt\/ivaap\/postgres\.pg15-/,
      );
      await assertRuns(host, '2026.3', 17);
      const { schema, wells } = await host.wells.list();
      assert.equal(schema, 5);
      assert.deepEqual(withoutIds(wells), sampleWells(1000).map(migratedWell));
      assert.equal(await host.sql(askExtras), before.extras);
      assert.deepEqual(await foldersOf(host), ['/opt/ivaap/postgres', '/opt/ivaap/postgres.pg15-TIME']);
      const left = await host.kubectl('get', 'pods,configmaps', '-n', 'ivaap', '-o', 'name');
      assert.doesNotMatch(left.stdout, /next-database/);
    });

    await host.wells.add(sampleWells(1020).slice(1000));
    const since = await host.wells.checksum();

    await chapter('restore brings 2026.1 back on its own folder, with every row', async () => {
      const { stdout } = await run(['restore', ...confirm], 0, 'the restore');
      assert.match(stdout, /\/opt\/ivaap\/postgres\.pg17-\w+ is the data folder from before/);
      await assertRuns(host, '2026.1', 15);
      assert.deepEqual(await tableChecksums(host), before.tables);
      assert.equal(await host.wells.checksum(), before.wells);
      assert.equal(await host.sql(askExtras), before.extras);
      await run(['restore', ...confirm], 10, 'the same again');
    });

    await chapter('--undo brings PostgreSQL 17 back, with the rows that came since', async () => {
      await run(['restore', '--undo', ...confirm], 0, 'the undo');
      await assertRuns(host, '2026.3', 17);
      assert.equal(await host.wells.checksum(), since);
      assert.deepEqual(await foldersOf(host), ['/opt/ivaap/postgres', '/opt/ivaap/postgres.pg15-TIME']);
    });
  });
});
