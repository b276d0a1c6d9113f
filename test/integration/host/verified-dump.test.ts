import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DumpContext, restoreFiles, takeDump } from '../../../src/backup/dump-files.ts';
import type { PgDump } from '../../../src/backup/dump-record.ts';
import { verifyDump } from '../../../src/backup/verified-dump.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { IvaapError } from '../../../src/errors.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { createPostgres } from '../../../src/host/postgres.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { asTold } from '../../fixtures/as-told.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const name = `Wells "of" it's`;
const quoted = `"${name.replaceAll('"', '""')}"`;

const setUp = `CREATE ROLE "App ""Owner""" LOGIN; CREATE ROLE gone; CREATE ROLE reader;
  CREATE DATABASE ${quoted} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv'
    LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' OWNER "App ""Owner""";
  ALTER DATABASE ${quoted} SET default_transaction_read_only = on;
  ALTER ROLE reader IN DATABASE ${quoted} SET work_mem = '9MB';
  GRANT CONNECT ON DATABASE ${quoted} TO reader;
  ALTER DATABASE ${quoted} IS_TEMPLATE true;`;

const content = `SET default_transaction_read_only = off; CREATE SCHEMA app;
  CREATE TABLE app."Wells" (id serial PRIMARY KEY, name text); ALTER TABLE app."Wells" OWNER TO gone;
  INSERT INTO app."Wells" (name) SELECT 'well ' || n FROM generate_series(1, 300) n;
  CREATE TABLE migrations (version int); INSERT INTO migrations VALUES (3);
  SELECT lo_from_bytea(4711, 'a large object');
  CREATE TABLE app.audit (tag text); CREATE MATERIALIZED VIEW app.named AS SELECT name FROM app."Wells";
  CREATE FUNCTION app.audited() RETURNS event_trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO app.audit VALUES (tg_tag); END';
  CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION app.audited();`;

describe('a backup that is restored for a try, on a real PostgreSQL 15', () => {
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
    backup: { maxAgeMinutes: 60, lockTimeoutSeconds: 1 },
  });
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const io = {
    signal,
    record: () => Promise.resolve(),
    progress: () => undefined,
    log: () => undefined,
    warn: (line: string) => warnings.push(line),
  } as unknown as StepIo;
  const context = () => {
    const kubectl = {
      ...server.kubectl,
      get: () => Promise.resolve(undefined),
      list: (kind: string) => (kind === 'pods' ? server.kubectl.list(kind) : Promise.resolve([])),
    } as Kubectl;
    const database = createPostgres(kubectl, {
      namespace: 'tiny',
      selector: 'app=db',
      container: 'db',
      user: 'postgres',
      database: name,
      lockTimeoutSeconds: product.backup.lockTimeoutSeconds,
    });
    const paths = { backups: join(server.folder, 'backups') };
    const of = { k3s: 'k3s', from: '2026.1', installedBy: undefined, now: () => new Date() };
    return { product, kubectl, database, paths, ...of } satisfies DumpContext;
  };
  const databases = () => server.psql('postgres', 'SELECT datname FROM pg_database ORDER BY 1');
  const changed = (edit: (text: string) => string) => {
    const path = join(server.folder, 'changed.sql');
    writeFileSync(path, edit(readFileSync(dump.path, 'utf8')));
    return { ...dump, path, sizeBytes: Buffer.byteLength(readFileSync(path)), sha256: undefined as never };
  };
  const refused = (work: Promise<unknown>, message: RegExp) =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof IvaapError, String(error));
      assert.equal(error.exitCode, 6);
      assert.match(asTold(error.message), message);
      return true;
    });

  before(async () => {
    server = await startPostgres();
    await server.psql('postgres', setUp);
    await server.psql(name, content);
    dump = await takeDump(context(), io);
  });
  after(() => server.stop());

  it('has all rows, takes settings and privileges, and is gone; the live one is as it was', async () => {
    const there = await databases();
    const live = () => server.psql(name, 'SELECT count(*), max(id) FROM app."Wells"');
    const was = await live();
    const found = await verifyDump(context(), dump, { signal });
    assert.deepEqual([found.rows, found.sha256, found.how], [301, dump.sha256, 'restored']);
    assert.equal(await databases(), there);
    assert.equal(await live(), was);
  });

  it('holds of a packed one, too, and finds the first byte that was changed', async () => {
    const packed = await takeDump({ ...context(), compress: 'zstd' }, io);
    assert.equal(packed.path, `${join(packed.folder, product.database.dumpFile)}.zst`);
    assert.equal(packed.sizeBytes, statSync(packed.path).size);
    assert.equal((packed.textBytes ?? 0) > packed.sizeBytes, true);
    const found = await verifyDump(context(), packed, { signal });
    assert.deepEqual([found.rows, found.sha256], [301, packed.sha256]);
    const bytes = readFileSync(packed.path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(packed.path, bytes);
    await refused(verifyDump(context(), packed, { signal }), /is damaged/);
  });

  it('lets no event trigger of the dump write rows that the file has not', async () => {
    assert.match(readFileSync(dump.path, 'utf8'), /CREATE EVENT TRIGGER audit.*REFRESH MATERIALIZED VIEW/s);
    await verifyDump(context(), dump, { signal });
  });

  it('names the tables whose rows are not those of the file', async () => {
    const less = changed((text) =>
      text.replace('--\n-- PostgreSQL database dump complete', 'DELETE FROM app."Wells" WHERE id < 3;\n$&'),
    );
    await refused(verifyDump(context(), less, { signal }), /app\."Wells" has 298 rows instead of 300/);
    const none = changed((text) =>
      text.replace('--\n-- PostgreSQL database dump complete', 'DROP TABLE public.migrations;\n$&'),
    );
    await refused(verifyDump(context(), none, { signal }), /public\.migrations is missing/);
    assert.doesNotMatch(await databases(), /_verify_/);
  });

  it('finds one value that is not the one of the file', async () => {
    const other = changed((text) =>
      text.replace(
        '--\n-- PostgreSQL database dump complete',
        `UPDATE app."Wells" SET name = 'well 71' WHERE id = 70;\n$&`,
      ),
    );
    await refused(
      verifyDump(context(), other, { signal }),
      /app\."Wells" has 300 rows, but not with the same values/,
    );
  });

  it('runs no SQL of its folder that is not as it was written, or is missing', async () => {
    const rows = () => server.psql(name, 'SELECT count(*) FROM app."Wells"');
    const was = await rows();
    for (const beside of [restoreFiles.before, restoreFiles.after]) {
      const path = join(dump.folder, beside);
      const text = readFileSync(path, 'utf8');
      const drop = 'SET default_transaction_read_only = off; DROP TABLE app."Wells";';
      writeFileSync(path, `${text}${drop}\n`);
      await refused(verifyDump(context(), dump, { signal }), /belongs to the dump, has changed since/);
      rmSync(path);
      await refused(verifyDump(context(), dump, { signal }), /belongs to the dump, is missing/);
      writeFileSync(path, text);
    }
    const script = join(dump.folder, restoreFiles.script);
    const listing = readFileSync(script, 'utf8');
    rmSync(script);
    await refused(verifyDump(context(), dump, { signal }), /has no sum in restore\.sh beside it/);
    writeFileSync(script, listing);
    assert.equal(await rows(), was);
    await verifyDump(context(), dump, { signal });
  });

  it('waits for a table that another session locks as long as the product says, and names who holds it', async () => {
    const held = server.psql(
      name,
      `SET application_name = 'night job'; BEGIN; LOCK TABLE app."Wells"; SELECT pg_sleep(300)`,
    );
    // It ends when the dump was refused: a slow start must not outlive it.
    const ended = held.catch(() => undefined);
    const locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation >= 16384";
    while ((await server.psql(name, locks)) === '0') await sleep(20);
    // The look at who holds it comes every two seconds: a wait of three has one.
    const patient = productSchema.parse({ ...product, backup: { ...product.backup, lockTimeoutSeconds: 3 } });
    const ctx = context();
    const database = createPostgres(ctx.kubectl, {
      namespace: 'tiny',
      selector: 'app=db',
      container: 'db',
      user: 'postgres',
      database: name,
      lockTimeoutSeconds: 3,
    });
    await refused(
      takeDump({ ...ctx, product: patient, database }, io),
      /waited 3 s for a table that another session holds: pid \d+ \(user postgres, night job\).*Wells/,
    );
    assert.match(warnings.map(asTold).join('\n'), /the dump waits, for up to 3 s/);
    await server.psql(
      name,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'night job'",
    );
    await ended;
  });

  it('says which role is missing', async () => {
    await server.psql(
      name,
      'SET default_transaction_read_only = off; ALTER TABLE app."Wells" OWNER TO postgres',
    );
    await server.psql('postgres', 'DROP ROLE gone');
    await refused(verifyDump(context(), dump, { signal }), /role "gone" does not exist/);
    assert.doesNotMatch(await databases(), /_verify_/);
  });
});
