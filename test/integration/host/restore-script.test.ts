import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StepIo } from '../../../src/engine/step.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { takeDump } from '../../../src/backup/dump-files.ts';
import { pgDumpSchema } from '../../../src/backup/dump-record.ts';
import { wayBack } from '../../../src/backup/restore-commands.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const name = `Wells "of" it's`;
const quoted = `"${name.replaceAll('"', '""')}"`;
const runner = createRunner();

/** Everything that a restore has to bring back, in words that two databases can be compared by. */
async function fingerprint({ psql, asPostgres }: OwnPostgres) {
  const withoutKey = (text: string) => text.replaceAll(/^\\(un)?restrict .*$/gm, '');
  const of = `WHERE datname = '${name.replaceAll("'", "''")}'`;
  return {
    roles: withoutKey((await asPostgres(['pg_dumpall', '--roles-only'])).stdout),
    settings: await psql(
      'postgres',
      `SELECT coalesce(r.rolname, '-'), coalesce(d.datname, '-'), s.setconfig FROM pg_db_role_setting s
       LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
       WHERE d.oid IS NULL OR d.datname = '${name.replaceAll("'", "''")}' ORDER BY 1, 2`,
    ),
    privileges: await psql('postgres', `SELECT unnest(datacl)::text FROM pg_database ${of} ORDER BY 1`),
    database: await psql(
      'postgres',
      `SELECT to_jsonb(d) - '{oid,datfrozenxid,datminmxid,datacl,dattablespace}'::text[], pg_get_userbyid(datdba),
       shobj_description(oid, 'pg_database') FROM pg_database d ${of}`,
    ),
    content: withoutKey((await asPostgres(['pg_dump', '-d', name])).stdout),
    answer: await psql(name, 'SHOW search_path; SELECT count(*), max(name) FROM wells'),
  };
}

const setUp = `
  CREATE ROLE "App ""Owner""" LOGIN PASSWORD 'first' CONNECTION LIMIT 7;
  CREATE ROLE reader LOGIN VALID UNTIL '2031-05-05 00:00:00+00';
  CREATE ROLE "Readers" NOLOGIN;
  GRANT "Readers" TO reader WITH ADMIN OPTION;
  COMMENT ON ROLE reader IS 'reads';
  ALTER ROLE reader SET work_mem = '9MB';
  CREATE DATABASE ${quoted} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv'
    LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' OWNER "App ""Owner""" CONNECTION LIMIT 40;
  ALTER DATABASE ${quoted} SET search_path = "$user", app, "Odd, one", '';
  ALTER DATABASE ${quoted} SET app.tenant = E'a\\\\b''c "d", é';
  ALTER DATABASE ${quoted} SET default_transaction_read_only = off;
  ALTER ROLE reader IN DATABASE ${quoted} SET default_transaction_read_only = on;
  COMMENT ON DATABASE ${quoted} IS E'it''s\\nours';
  REVOKE ALL ON DATABASE ${quoted} FROM PUBLIC;
  GRANT CONNECT ON DATABASE ${quoted} TO "Readers" WITH GRANT OPTION;
  SET SESSION AUTHORIZATION "Readers"; GRANT CONNECT ON DATABASE ${quoted} TO reader; RESET SESSION AUTHORIZATION;`;

/** All that a migration and a hand may change. */
const change = `
  ALTER DATABASE ${quoted} RESET ALL;
  ALTER DATABASE ${quoted} SET default_transaction_read_only = on;
  ALTER ROLE reader IN DATABASE ${quoted} RESET ALL;
  GRANT ALL ON DATABASE ${quoted} TO PUBLIC;
  REVOKE ALL ON DATABASE ${quoted} FROM "Readers" CASCADE;
  ALTER DATABASE ${quoted} CONNECTION LIMIT 3 IS_TEMPLATE true;
  ALTER DATABASE ${quoted} OWNER TO reader;
  COMMENT ON DATABASE ${quoted} IS NULL;
  ALTER ROLE "App ""Owner""" NOLOGIN PASSWORD 'second' SET statement_timeout = 1;
  ALTER ROLE reader SUPERUSER VALID UNTIL 'infinity' CONNECTION LIMIT 1;
  ALTER ROLE reader SET work_mem = '1MB'; ALTER ROLE reader SET lock_timeout = 5;
  COMMENT ON ROLE reader IS NULL;
  GRANT "App ""Owner""" TO reader;
  REVOKE "Readers" FROM reader;`.replace(`PASSWORD 'second' SET statement_timeout = 1`, `PASSWORD 'second'`);

describe('the restore script on a real PostgreSQL 15', () => {
  let server: OwnPostgres;
  let cluster = '';
  let script = '';
  let was: Awaited<ReturnType<typeof fingerprint>>;
  const deployment = (file: string) => readFileSync(join(cluster, file), 'utf8');
  const deploy = (replicas: string, images: string) => {
    writeFileSync(join(cluster, 'server.replicas'), replicas);
    writeFileSync(join(cluster, 'server.images'), images);
  };
  const restore = () => runner.run(['sh', script], { okCodes: 'any' });
  const databases = async () =>
    (
      await server.psql('postgres', "SELECT datname FROM pg_database WHERE datname LIKE 'Wells%' ORDER BY 1")
    ).split('\n');

  before(async () => {
    server = await startPostgres();
    cluster = join(server.folder, 'cluster');
    mkdirSync(cluster);
    // kubectl as far as the script uses it: the pod is the server, a deployment is two files.
    writeFileSync(
      join(cluster, 'k3s'),
      `#!/bin/sh
cd /; shift 5
case "$1 $2" in
'get pods') case $* in
  *-l\\ app=db\\ *) echo pod/db-0 ;;
  *-l\\ app=server\\ *) if [ -f ${cluster}/pods.fail ]; then exit 1; fi ;; esac ;;
'get deployment') case $* in
  *replicas*) if [ -f ${cluster}/$3.replicas ]; then cat ${cluster}/$3.replicas; fi ;;
  *) cat ${cluster}/$3.images ;; esac ;;
'scale deployment') printf %s "\${4#--replicas=}" >${cluster}/$3.replicas ;;
'delete deployment') rm ${cluster}/$3.replicas ${cluster}/$3.images ;;
'exec -i') shift 6
  if [ -f ${cluster}/swap.cut ]; then
    text=$(cat; printf .); text=\${text%.}
    printf %s "$text" | runuser -u postgres -- env PGHOST=${server.folder} "$@" || exit
    case $text in *'RENAME TO :"live"'*) rm ${cluster}/swap.cut; kill -INT "$(cat ${cluster}/pid)" ;; esac
    exit
  fi
  exec runuser -u postgres -- env PGHOST=${server.folder} "$@" ;;
*) echo "unknown: $*" >&2; exit 64 ;;
esac
`,
      { mode: 0o755 },
    );
    deploy('2', 'server=registry/server:1 ');
    await server.psql('postgres', setUp);
    await server.psql(
      name,
      `CREATE SCHEMA app AUTHORIZATION "App ""Owner"""; CREATE TABLE app.wells (id int PRIMARY KEY, name text);
       INSERT INTO app.wells SELECT n, 'well ' || n FROM generate_series(1, 2000) n;
       CREATE TABLE app.migrations (version int); INSERT INTO app.migrations VALUES (3);
       SELECT lo_from_bytea(4711, 'a large object');`,
    );
    const product = productSchema.parse({
      ...tinyProduct,
      database: { ...tinyProduct.database, user: 'postgres', name },
    });
    const ctx = {
      product,
      k3s: join(cluster, 'k3s'),
      paths: { ...productPaths(product), backups: join(server.folder, 'backups') },
      kubectl: {
        ...server.kubectl,
        list: () =>
          Promise.resolve([
            {
              metadata: { name: 'server' },
              spec: {
                replicas: 2,
                selector: { matchLabels: { app: 'server' } },
                template: {
                  metadata: { labels: { app: 'server' } },
                  spec: { containers: [{ name: 'server', image: 'registry/server:1' }] },
                },
              },
            },
          ]),
      },
      database: createPostgres(server.kubectl, {
        namespace: 'tiny',
        selector: 'app=db',
        container: 'db',
        user: 'postgres',
        database: name,
      }),
      from: '2026.1',
      installedBy: "/opt/it's/tiny-2026.1",
      now: () => new Date(),
    } as unknown as UpgradeContext;
    const io = {
      signal: new AbortController().signal,
      record: () => Promise.resolve(),
      progress: () => undefined,
      log: () => undefined,
    } as unknown as StepIo;
    const dump = pgDumpSchema.parse(await takeDump(ctx, io));
    script = dump.restoreScript ?? '';
    assert.deepEqual(
      wayBack(dump, '2026.1').filter((line) => line.startsWith('  ')),
      [`  sh ${script}`],
    );
    was = await fingerprint(server);
  });
  after(() => server.stop());

  it('lies beside the dump, for root alone', () => {
    const folder = join(script, '..');
    const modes = readdirSync(folder).map((file) => [file, statSync(join(folder, file)).mode & 0o777]);
    assert.deepEqual(Object.fromEntries(modes), {
      'after-load.sql': 0o600,
      'before-load.sql': 0o600,
      'restore.sh': 0o700,
      'tinydb.sql': 0o600,
    });
  });

  for (const time of ['first', 'second']) {
    it(`brings back every property of the database and every row, a ${time} time`, async () => {
      await server.psql('postgres', change);
      await server.psql(
        name,
        `SET default_transaction_read_only = off; UPDATE app.migrations SET version = 5; ALTER TABLE app.wells ADD x int;
         CREATE TABLE public.wells AS SELECT * FROM app.wells LIMIT 3`,
      );
      const moved = await fingerprint(server).catch(() => undefined);
      for (const part of ['roles', 'settings', 'privileges', 'database'] as const) {
        assert.notEqual(moved?.[part], was[part]);
      }
      // The old release is back already: its pods were stopped and are started again.
      deploy('2', 'server=registry/server:1 ');
      const { exitCode, stdout, stderr } = await restore();
      assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
      assert.deepEqual(await fingerprint(server), was);
      assert.equal(deployment('server.replicas'), '2');
      const [live, ...kept] = (await databases()).toSorted((a, b) => a.length - b.length);
      assert.equal(live, name);
      assert.equal(kept.length, time === 'first' ? 1 : 2);
      for (const one of kept) {
        assert.match(one, /_moved_\d{8}T\d{6}_\d+$/);
        assert.equal(await server.psql(one, 'SELECT version FROM app.migrations'), '5');
      }
      assert.match(stdout, new RegExp(`dropdb .*_moved_`));
    });
  }

  it('takes away what would move the database again, and names the file that brings the old release back', async () => {
    deploy('2', 'server=registry/server:2 ');
    // Who started it again, or lost what was on the screen, is told the same.
    for (const time of ['first', 'second']) {
      const { exitCode, stdout } = await restore();
      assert.equal(exitCode, 0);
      assert.equal(readdirSync(cluster).includes('server.replicas'), false);
      assert.ok(
        stdout.includes(
          String.raw`  '/opt/it'\''s/tiny-2026.1' install --upgrade --supersede --waive ingress=restored`,
        ),
        `${time}: ${stdout}`,
      );
    }
  });

  it('takes no lost answer for pods that have ended', async () => {
    deploy('2', 'server=registry/server:1 ');
    writeFileSync(join(cluster, 'pods.fail'), '');
    const { exitCode, stdout, stderr } = await restore();
    rmSync(join(cluster, 'pods.fail'));
    assert.equal(exitCode, 1, stdout);
    assert.match(stderr, /NOT restored/);
    assert.equal(deployment('server.replicas'), '2');
  });

  it('says that the database is restored where Ctrl-C comes with the change of names, and starts nothing new', async () => {
    deploy('2', 'server=registry/server:2 ');
    writeFileSync(join(cluster, 'swap.cut'), '');
    const { exitCode, stderr } = await runner.run(
      ['sh', '-c', `echo $$ >${cluster}/pid; exec sh ${script}`],
      { okCodes: 'any' },
    );
    assert.equal(exitCode, 130, stderr);
    assert.match(stderr, /The database IS restored/);
    assert.doesNotMatch(stderr, /NOT restored/);
    assert.equal(deployment('server.replicas'), '0');
  });

  it('changes nothing and starts the pods again where the dump cannot be loaded, and says what to type', async () => {
    const dumpPath = join(script, '../tinydb.sql');
    const text = readFileSync(dumpPath, 'utf8');
    deploy('2', 'server=registry/server:1 ');
    const before = await databases();
    writeFileSync(dumpPath, text.replace('well 7', 'well 8'));
    const damaged = await restore();
    assert.equal(damaged.exitCode, 1);
    assert.match(damaged.stderr, /damaged or missing.*nothing was changed/);
    writeFileSync(dumpPath, text);
    await server.psql('postgres', 'ALTER DATABASE template0 RENAME TO template9');
    const failed = await restore();
    await server.psql('postgres', 'ALTER DATABASE template9 RENAME TO template0');
    assert.equal(failed.exitCode, 3, `${failed.stdout}${failed.stderr}`);
    assert.match(failed.stderr, /template database "template0" does not exist/);
    assert.match(failed.stderr, new RegExp(`NOT restored: .* then: sh ${script}`));
    assert.equal(deployment('server.replicas'), '2');
    assert.deepEqual(await databases(), before);
    assert.deepEqual(await fingerprint(server), was);
  });

  it('takes the name over from sessions that come back at once, and lets everybody in again', async () => {
    const stop = new AbortController();
    const restless = (async () => {
      let times = 0;
      for (; !stop.signal.aborted; times += 1) {
        await server.psql(name, 'SELECT pg_sleep(0.2)').catch(() => undefined);
      }
      return times;
    })();
    const { exitCode, stderr } = await restore();
    stop.abort();
    assert.ok((await restless) > 0);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await fingerprint(server), was);
    assert.equal(
      await server.psql('postgres', 'SELECT count(*) FROM pg_database WHERE NOT datallowconn'),
      '1',
      'template0 alone lets nobody in',
    );
  });
});
