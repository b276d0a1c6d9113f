import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StepIo } from '../../../src/engine/step.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { takeDump } from '../../../src/backup/dump-files.ts';
import { pgDumpSchema } from '../../../src/backup/dump-record.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { RestoreCluster } from '../../fixtures/restore-cluster.ts';
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
  let cluster: RestoreCluster;
  let script = '';
  let packed = '';
  let was: Awaited<ReturnType<typeof fingerprint>>;
  const deploy = (replicas: string, images: string) =>
    cluster.deploy('Deployment/server', { replicas, images, owner: 'tiny' });
  const replicas = (id = 'Deployment/server') => cluster.read(`${id}/replicas`);
  const restore = (...words: string[]) => runner.run(['sh', script, ...words], { okCodes: 'any' });
  /** The script is killed by the signal at the first call with these words. */
  const cutAt = (signal: string, when: 'before' | 'after', words: string) => {
    cluster.set('cut', `${signal} ${when} ${words}\n`);
    return runner.run(['sh', '-c', `echo $$ >${cluster.folder}/pid; exec sh ${script}`], { okCodes: 'any' });
  };
  const databases = async () =>
    (
      await server.psql('postgres', "SELECT datname FROM pg_database WHERE datname LIKE 'Wells%' ORDER BY 1")
    ).split('\n');

  before(async () => {
    server = await startPostgres();
    cluster = new RestoreCluster(server);
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
      k3s: join(cluster.folder, 'k3s'),
      paths: { ...productPaths(product), backups: join(server.folder, 'backups') },
      kubectl: {
        ...server.kubectl,
        list: () =>
          Promise.resolve([
            {
              kind: 'Deployment',
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
    packed = pgDumpSchema.parse(await takeDump({ ...ctx, compress: 'zstd' }, io)).restoreScript ?? '';
    was = await fingerprint(server);
  });
  after(() => server.stop());

  it('is next to the dump, for root alone', () => {
    const folder = join(script, '..');
    const modes = readdirSync(folder).map((file) => [file, statSync(join(folder, file)).mode & 0o777]);
    assert.deepEqual(Object.fromEntries(modes), {
      'after-load.sql': 0o600,
      'before-load.sql': 0o600,
      'globals.sql': 0o600,
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
      assert.equal(replicas(), '2');
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

  it('restores a packed dump, and where zstd is not installed it says so before anything is changed', async () => {
    const version = () => server.psql(name, 'SELECT version FROM app.migrations');
    await server.psql(name, 'UPDATE app.migrations SET version = 5');
    deploy('2', 'server=registry/server:1 ');
    const tools = join(server.folder, 'without-zstd');
    mkdirSync(tools);
    for (const tool of ['id', 'sha256sum', 'sed', 'date', 'cat', 'sleep', 'wc', 'flock', 'tail'])
      symlinkSync(`/usr/bin/${tool}`, join(tools, tool));
    const without = await runner.run(['/bin/sh', packed], { okCodes: 'any', env: { PATH: tools } });
    assert.equal(without.exitCode, 1);
    assert.match(
      without.stderr,
      /zstd is not installed: nothing was changed\. Install the package zstd, then: /,
    );
    assert.equal(await version(), '5');
    const { exitCode, stdout, stderr } = await runner.run(['sh', packed], { okCodes: 'any' });
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    assert.equal(await version(), '3');
    assert.deepEqual(await fingerprint(server), was);
  });

  it('removes what would move the database again, and names the file that brings the old release back', async () => {
    deploy('2', 'server=registry/server:2 ');
    // Whoever starts it again, or lost the screen, sees the same.
    for (const time of ['first', 'second']) {
      const { exitCode, stdout } = await restore();
      assert.equal(exitCode, 0);
      assert.equal(cluster.has('Deployment', 'server'), false);
      assert.ok(
        stdout.includes(
          String.raw`  '/opt/it'\''s/tiny-2026.1' install --upgrade --supersede ` +
            '--waive ingress=restored',
        ),
        `${time}: ${stdout}`,
      );
    }
  });

  it('takes no lost answer for pods that have ended', async () => {
    deploy('2', 'server=registry/server:1 ');
    cluster.set('pods.fail');
    const { exitCode, stdout, stderr } = await restore();
    cluster.unset('pods.fail');
    assert.equal(exitCode, 1, stdout);
    assert.match(stderr, /NOT restored/);
    assert.equal(replicas(), '2');
  });

  it('says that the database is restored where Ctrl-C comes with the change of names, and starts nothing new', async () => {
    deploy('2', 'server=registry/server:2 ');
    const { exitCode, stderr } = await cutAt('INT', 'after', 'RENAME TO :"live"');
    assert.equal(exitCode, 130, stderr);
    assert.match(stderr, /The database IS restored/);
    assert.doesNotMatch(stderr, /NOT restored/);
    assert.equal(replicas(), '0');
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
    assert.equal(replicas(), '2');
    assert.deepEqual(await databases(), before);
    assert.deepEqual(await fingerprint(server), was);
  });

  it('halts all that can write, names what it cannot, and gives each back what it had', async () => {
    deploy('2', 'server=registry/server:1 ');
    cluster.deploy('Deployment/own', { replicas: '3', images: 'own=own:7 ' });
    cluster.deploy('StatefulSet/queue', { replicas: '2', images: 'queue=queue:1 ' });
    cluster.deploy('CronJob/report', {});
    cluster.set('left', 'agent-x=DaemonSet\n');
    cluster.set('log');
    const { exitCode, stdout, stderr } = await restore();
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /not stopped, because this script cannot stop it: pod agent-x of a DaemonSet/);
    for (const [id, count] of [
      ['Deployment/server', '2'],
      ['Deployment/own', '3'],
      ['StatefulSet/queue', '2'],
    ] as const) {
      assert.ok(cluster.read('log').includes(`${id} replicas 0\n`), id);
      assert.equal(replicas(id), count);
      assert.equal(cluster.read(`${id}/kept`), '');
    }
    assert.match(cluster.read('log'), /CronJob\/report suspend true/);
    assert.equal(cluster.read('CronJob/report/suspend'), 'false');
    assert.doesNotMatch(cluster.read('log'), /StatefulSet\/db/);
    assert.equal(replicas('StatefulSet/db'), '1');
    cluster.unset('left');
  });

  it('removes what the new release added, and leaves what its deletion could take data from stopped', async () => {
    deploy('2', 'server=registry/server:1 ');
    cluster.deploy('Deployment/later', { replicas: '3', images: 'later=later:2 ', owner: 'tiny' });
    cluster.deploy('StatefulSet/queue', { replicas: '2', images: 'queue=queue:2 ', owner: 'tiny' });
    const { exitCode, stdout, stderr } = await restore();
    assert.equal(exitCode, 0, stderr);
    assert.equal(replicas(), '2');
    assert.equal(replicas('Deployment/own'), '3');
    assert.equal(cluster.has('Deployment', 'later'), false);
    assert.equal(replicas('StatefulSet/queue'), '0');
    assert.match(stdout, /of the new release and would migrate the database again: Deployment\/later/);
    assert.match(
      stdout,
      /StatefulSet\/queue would migrate the database again and stays stopped.*scale -n tiny StatefulSet\/queue --replicas=2/,
    );
    assert.match(stdout, /install --upgrade --supersede --waive ingress=restored --force-conflicts/);
    for (const id of ['Deployment/own', 'StatefulSet/queue', 'CronJob/report']) cluster.unset(id);
  });

  it('stops nothing where there is no room for a second copy, or where nobody says how much there is', async () => {
    deploy('2', 'server=registry/server:1 ');
    const before = await databases();
    const df = (blocks: string) =>
      cluster.set('df', `Filesystem blocks Used Available\n/dev/x ${blocks} 91% /data\n`);
    df('100000 90000 10001');
    const { exitCode, stdout, stderr } = await restore();
    assert.equal(exitCode, 1, stdout);
    assert.match(
      stderr,
      /not enough free space .* at \S+\/data in the pod db-0 \(\/disk\/of\/tiny on this host\): 10241024 bytes are free/,
    );
    assert.match(
      stderr,
      /about \d{7,} bytes, and 10240000 bytes for the database's log\. Nothing was changed/,
    );
    assert.doesNotMatch(stdout, /2 of 6/);
    cluster.set('df', 'df: not found\n');
    const unknown = await restore();
    assert.equal(unknown.exitCode, 1);
    assert.match(unknown.stderr, /the free space at .* is NOT KNOWN: nothing was changed/);
    assert.deepEqual(await databases(), before);
    const command = /(sh \S+ --unchecked-room)/.exec(unknown.stderr)?.[1] ?? '';
    const typed = await runner.run(['sh', '-c', command], { okCodes: 'any' });
    assert.equal(typed.exitCode, 0, typed.stderr);
    cluster.unset('df');
  });

  it('lists who works with the database, and terminates no session by default', async () => {
    deploy('2', 'server=registry/server:1 ');
    const before = await databases();
    const stop = new AbortController();
    const session = server
      .asPostgres(['env', 'PGAPPNAME=billing', 'psql', '-d', name, '-c', 'SELECT pg_sleep(60)'], {
        signal: stop.signal,
      })
      .catch(() => undefined);
    const { exitCode, stdout, stderr } = await restore();
    assert.equal(exitCode, 1, stdout);
    assert.match(stderr, /other sessions use the database/);
    assert.match(stderr, /session \d+ of user postgres \(billing\), from the pod itself/);
    assert.match(stderr, /NOT restored: the database .* is as it was/);
    assert.equal(replicas(), '2');
    assert.doesNotMatch(stdout, /3 of 6/);
    assert.deepEqual(await databases(), before);
    const command = /(sh \S+ --end-sessions)/.exec(stderr)?.[1] ?? '';
    const typed = await runner.run(['sh', '-c', command], { okCodes: 'any' });
    assert.equal(typed.exitCode, 0, typed.stderr);
    assert.match(typed.stdout, /are ended.*\n.*billing/);
    stop.abort();
    await session;
    assert.deepEqual(await fingerprint(server), was);
  });

  for (const [when, words] of [
    ['after', 'patch Deployment/server'],
    ['before', 'COMMENT ON DATABASE :"restored" IS \'complete\''],
    ['before', 'RENAME TO :"live"'],
    ['after', 'RENAME TO :"live"'],
    ['before', 'delete Deployment/server'],
  ] as const) {
    it(`loses nothing where it is killed ${when} ${words.slice(0, 40)}, and ends well typed again`, async () => {
      deploy('2', 'server=registry/server:2 ');
      cluster.deploy('Deployment/own', { replicas: '3', images: 'own=own:7 ' });
      const today = `written before the kill ${when} ${words.slice(0, 9)}`;
      await server.psql(
        name,
        `SET default_transaction_read_only = off; UPDATE app.wells SET name = '${today}' WHERE id = 1`,
      );
      await assert.rejects(cutAt('KILL', when, words), /ended by SIGKILL/);
      // What it had started continues for a moment, and keeps the lock.
      await runner.run(['flock', script, 'true']);
      const { exitCode, stdout, stderr } = await restore();
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(await fingerprint(server), was);
      assert.equal(replicas('Deployment/own'), '3');
      assert.equal(cluster.has('Deployment', 'server'), false);
      assert.match(stdout, /install --upgrade --supersede/);
      const kept = (await databases()).filter((one) => one.includes('_moved_'));
      const rows = await Promise.all(
        kept.map((one) => server.psql(one, 'SELECT name FROM app.wells WHERE id = 1')),
      );
      assert.ok(rows.includes(today));
      const copies = (await databases()).filter((one) => one.includes('_restore_'));
      for (const one of copies) assert.ok(stdout.includes(one.replaceAll("'", String.raw`'\''`)), stdout);
      for (const one of copies) await server.psql('postgres', `DROP DATABASE "${one.replaceAll('"', '""')}"`);
      cluster.unset('Deployment/own');
    });
  }

  it('runs once at a time, as ./restore.sh too, from a folder that nobody may write, with a space in its path', async () => {
    deploy('2', 'server=registry/server:1 ');
    const odd = join(server.folder, "it's odd");
    cpSync(join(script, '..'), odd, { recursive: true });
    chmodSync(odd, 0o500);
    const typed = (folder: string) =>
      runner.run(['sh', '-c', 'cd "$1" && CDPATH=/ ./restore.sh', 'sh', folder], { okCodes: 'any' });
    const both = await Promise.all([typed(odd), typed(odd)]);
    assert.deepEqual(both.map(({ exitCode }) => exitCode).toSorted(), [0, 1]);
    const refused = both.find(({ exitCode }) => exitCode === 1)?.stderr ?? '';
    assert.match(refused, /this script is already running/);
    assert.ok(refused.includes(`sh '${odd.replaceAll("'", String.raw`'\''`)}/restore.sh'`), refused);
    assert.deepEqual(await fingerprint(server), was);
    assert.equal(replicas(), '2');
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
    const { exitCode, stderr } = await restore('--end-sessions');
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
