import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import {
  besides,
  dropDatabase,
  dropLeftovers,
  makeScratch,
  withScratch,
} from '../../../src/backup/scratch-database.ts';
import { besideName } from '../../../src/backup/scratch-name.ts';
import { IvaapError } from '../../../src/errors.ts';
import { loadDump } from '../../../src/host/database-load.ts';
import { readProperties } from '../../../src/host/database-properties.ts';
import { createLine } from '../../../src/host/database-sql.ts';
import type { TableRows } from '../../../src/host/dump-scan.ts';
import { writeDump } from '../../../src/host/dump-file.ts';
import type { Kubectl } from '../../../src/host/kubectl.ts';
import { createPostgres, type Postgres } from '../../../src/host/postgres.ts';
import { proveRows } from '../../../src/backup/row-proof.ts';
import { countRows } from '../../../src/host/table-rows.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const name = `Wells "of" it's`;
const quoted = `"${name.replaceAll('"', '""')}"`;

const content = `CREATE SCHEMA "App's";
  CREATE TABLE "App's"."Wells ""x""" (id serial PRIMARY KEY, name text, at timestamptz DEFAULT now());
  INSERT INTO "App's"."Wells ""x""" (name) SELECT E'a\\\\b\\t' || n FROM generate_series(1, 500) n;
  CREATE TABLE big (raw bytea); INSERT INTO big SELECT decode(repeat('0a5c2e', 700000), 'hex');
  CREATE TABLE parts (id int) PARTITION BY RANGE (id);
  CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
  INSERT INTO parts VALUES (1), (2);
  CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);
  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3);
  CREATE FUNCTION trick() RETURNS text LANGUAGE sql AS $$ SELECT '
\\restrict no
\\unrestrict no
' $$;
  SELECT lo_from_bytea(4711, decode('00ff5c', 'hex'));`;

describe('a database beside the live one, on a real PostgreSQL 15', () => {
  let server: OwnPostgres;
  let file = { path: '', sizeBytes: 0, sha256: '' };
  let tables: TableRows[] = [];
  const product = productSchema.parse({
    ...tinyProduct,
    database: { ...tinyProduct.database, name, user: 'postgres' },
  });
  const settings = {
    namespace: 'tiny',
    selector: 'app=db',
    container: 'db',
    user: 'postgres',
    database: name,
  };
  /** A volume that has no folder on this host. */
  const claims = { get: () => Promise.resolve(undefined) } as Pick<Kubectl, 'get'>;
  const context = (kubectl: Kubectl = server.kubectl) => ({
    database: createPostgres(kubectl, settings),
    kubectl: claims,
    product,
    now: () => new Date('2026-11-28T02:00:00Z'),
  });
  /** Of each table, in the order of the names: a hash over its rows. */
  const contents = (postgres: Postgres, names: readonly string[]) =>
    postgres.query(
      names
        .map((one) => `SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ONLY ${one} t`)
        .join(' UNION ALL '),
    );
  const databases = () => server.psql('postgres', 'SELECT datname FROM pg_database ORDER BY 1');

  async function load(from: { path: string; sizeBytes?: number; sha256?: string }, kubectl?: Kubectl) {
    const ctx = context(kubectl);
    const create = createLine(await readProperties(ctx.database));
    return withScratch(ctx, { kind: 'verify', sizeBytes: 1_000_000, create }, async (scratch) => {
      const summary = await loadDump(scratch, from, { gentle: true });
      const names = summary.tables.map(({ table }) => table);
      await proveRows(scratch, from.path, summary);
      return {
        summary,
        same: [await contents(scratch, names), await contents(ctx.database, names)] as const,
        scratch,
        object: await scratch.query(
          `SELECT encode(lo_get(4711), 'hex'), trick(),
             (SELECT last_value FROM "App's"."Wells ""x""_id_seq")`,
        ),
      };
    });
  }

  const refused = async (from: Parameters<typeof load>[0], message: RegExp, kubectl?: Kubectl) => {
    const there = await databases();
    await assert.rejects(load(from, kubectl), (error) => {
      assert.ok(error instanceof IvaapError, String(error));
      assert.equal(error.code, 'failed');
      assert.match(error.message, message);
      return true;
    });
    assert.equal(await databases(), there, 'the copy is gone');
  };
  const copy = (text: string | Buffer) => {
    const path = join(server.folder, 'changed.sql');
    writeFileSync(path, text);
    return { path };
  };

  before(async () => {
    server = await startPostgres();
    await server.psql('postgres', `CREATE DATABASE ${quoted}`);
    await server.psql(name, content);
    const path = join(server.folder, 'dump.sql');
    const summary = await writeDump(context().database, path);
    file = { path, sizeBytes: summary.sizeBytes, sha256: summary.sha256 };
    tables = summary.tables;
  });
  after(() => server.stop());

  it('takes a dump, has its rows, objects and functions, and is gone afterwards', async () => {
    const there = await databases();
    const { summary, same, object } = await load(file);
    assert.deepEqual(summary.tables, tables);
    assert.equal(same[0].length, tables.length);
    assert.deepEqual(same[0], same[1]);
    assert.equal(object[0]?.[0], '00ff5c');
    assert.equal(object[0]?.[2], '500');
    assert.match(object[0]?.[1] ?? '', /\\restrict no\n\\unrestrict no/);
    assert.equal(await databases(), there);
  });

  it('takes the same dump packed by zstd', async () => {
    const packed = join(server.folder, 'dump.sql.zst');
    writeFileSync(packed, zstdCompressSync(readFileSync(file.path)));
    const bytes = readFileSync(packed);
    const record = {
      path: packed,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
    const { summary } = await load(record);
    assert.equal(summary.sha256, file.sha256);
    writeFileSync(packed, bytes.subarray(0, bytes.length - 9));
    await refused({ path: packed }, /is damaged: it cannot be unpacked/);
    await refused(record, /is damaged/);
  });

  it('refuses a file that was changed, cut off, or is another', async () => {
    const text = readFileSync(file.path);
    const changed = Buffer.from(text);
    changed[text.indexOf('a\\\\b')] = 0x62;
    await refused({ ...file, ...copy(changed) }, /its SHA-256 is not/);
    await refused({ ...file, ...copy(text.subarray(0, 90_000)) }, /has 90000 bytes instead of/);
    await refused(copy(text.subarray(0, 90_000)), /is incomplete/);
    await refused(copy(text.subarray(0, -40)), /is incomplete/);
    await refused(copy(''), /is empty/);
    await refused(copy(Buffer.alloc(70_000)), /is incomplete/);
    await refused({ path: join(server.folder, 'none.sql') }, /none\.sql/);
  });

  it('says what the server says, and which table it is about', async () => {
    const text = readFileSync(file.path, 'latin1');
    const twice = text.replace(
      'COPY public.child (id) FROM stdin;\n',
      'COPY public.child (id) FROM stdin;\nx\n',
    );
    await refused(copy(twice), /cannot be loaded: .*invalid input syntax.*\(table .?child/);
    const broken = text.replace(
      '--\n-- PostgreSQL database dump complete',
      'CREATE UNIQUE INDEX one ON public.child ((1));\n$&',
    );
    await refused(copy(broken), /could not create unique index.*\(table .?public\.child/);
  });

  it('runs no command that a dump holds', async () => {
    const mark = join(server.folder, 'ran');
    const text = readFileSync(file.path, 'latin1').replaceAll(/^\\(un)?restrict .*\n/gm, '');
    await load(copy(text));
    await refused(
      copy(text.replace('\nSET ', `\n\\! touch ${mark}\nSET `)),
      /restrict|cannot be loaded|psql/,
    );
    assert.equal(statSync(mark, { throwIfNoEntry: false }), undefined);
  });

  it('loads it by a psql that does not know \\restrict', async () => {
    const exec: Kubectl['exec'] = async (target, argv, options = {}) => {
      if (!argv.includes('psql')) return server.kubectl.exec(target, argv, options);
      let input = '';
      if (typeof options.stdin === 'string' || options.stdin instanceof Uint8Array)
        input = Buffer.from(options.stdin as string).toString();
      else for await (const piece of options.stdin ?? []) input += Buffer.from(piece).toString('latin1');
      if (input.startsWith('\\restrict probe'))
        return { exitCode: 3, stdout: '', stderr: '', stdinBytes: 0, durationMs: 0 };
      assert.doesNotMatch(input, /^\\(un)?restrict (?!no)/m);
      const { stdin: _, ...rest } = options;
      const stdin = options.stdin === undefined ? {} : { stdin: Buffer.from(input, 'latin1') };
      return server.kubectl.exec(target, argv, { ...rest, ...stdin });
    };
    await load(file, { ...server.kubectl, exec });
  });

  it('is not taken for whole where the end of the stream was lost on its way', async () => {
    const exec: Kubectl['exec'] = async (target, argv, options = {}) => {
      const { stdin } = options;
      if (
        !argv.includes('psql') ||
        stdin === undefined ||
        typeof stdin === 'string' ||
        stdin instanceof Uint8Array
      )
        return server.kubectl.exec(target, argv, options);
      const pieces: Buffer[] = [];
      for await (const piece of stdin) pieces.push(Buffer.from(piece));
      const all = Buffer.concat(pieces);
      return server.kubectl.exec(target, argv, {
        ...options,
        stdin: all.subarray(0, all.lastIndexOf('\n', all.indexOf('b\\t77')) + 1),
      });
    };
    await refused(file, /did not take all of/, { ...server.kubectl, exec });
  });

  it('drops what a killed run has left, with what still loads it, and nothing else', async () => {
    const old = besideName(name, 'verify', new Date('2026-11-01T00:00:00Z'), 77);
    const others = [`${name}_verify_x`, `${name}_moved_20261101T000000_7`, 'x_verify_20261101T000000_7'];
    const quote = (one: string) => `"${one.replaceAll('"', '""')}"`;
    for (const one of [old, ...others]) await server.psql('postgres', `CREATE DATABASE ${quote(one)}`);
    await server.psql('postgres', `ALTER DATABASE ${quote(old)} IS_TEMPLATE true`);
    const loading = server.psql(old, 'SELECT pg_sleep(60)').catch(() => 'ended');
    assert.deepEqual(await dropLeftovers(context(), 'verify'), [old]);
    assert.equal(await loading, 'ended');
    const left = (await databases()).split('\n');
    for (const one of others) assert.ok(left.includes(one), one);
    assert.ok(!left.includes(old));
    for (const one of others) await server.psql('postgres', `DROP DATABASE ${quote(one)}`);
  });

  it('stays for a caller that keeps it, until that drops it', async () => {
    const ctx = context();
    const create = createLine(await readProperties(ctx.database));
    const made = await makeScratch(ctx, { kind: 'rehearsal', sizeBytes: 1, create });
    assert.deepEqual(await besides(ctx, 'rehearsal'), [made]);
    assert.deepEqual(await besides(ctx, 'verify'), []);
    await dropDatabase(ctx.database, made);
    assert.deepEqual(await besides(ctx, 'rehearsal'), []);
  });

  it('is not made where the disk has no room for it', async () => {
    const ctx = context();
    const create = createLine(await readProperties(ctx.database));
    const options = { kind: 'verify', sizeBytes: 1e15, create } as const;
    await assert.rejects(
      withScratch(ctx, options, () => Promise.resolve()),
      /not enough free space for a second copy of the database at/,
    );
  });

  it('counts only the rows of an extension that a dump would have', async () => {
    const { database } = context();
    await server.psql(
      name,
      `UPDATE pg_extension SET extconfig = ARRAY['child'::regclass::oid], extcondition = ARRAY['WHERE id > 2']
       WHERE extname = 'plpgsql'`,
    );
    const found = await countRows(database, ['public.parent', 'public.child', 'public.none']);
    assert.deepEqual(Object.fromEntries(found), {
      'public.child': { rows: 1 },
      'public.parent': { rows: 1 },
    });
  });
});
