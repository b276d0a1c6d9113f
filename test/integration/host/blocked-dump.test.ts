import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { asTold } from '../../fixtures/as-told.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { otherDatabases } from '../../../src/host/database-sessions.ts';
import { createPostgres, type Postgres } from '../../../src/host/postgres.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { checkDatabase } from '../../../src/steps/checks/database.ts';
import { type CheckContext, hostFacts } from '../../../src/steps/checks/facts.ts';
import type { UpgradeContext } from '../../../src/steps/context.ts';
import { takeDump } from '../../../src/steps/dump_files.ts';
import { productPaths } from '../../../src/steps/paths.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

let server: OwnPostgres;
let database: Postgres;
const product = productSchema.parse({
  ...tinyProduct,
  database: {
    ...tinyProduct.database,
    user: 'postgres',
    name: 'welldb',
    schemaVersionQuery: 'SELECT 3',
  },
});

before(async () => {
  server = await startPostgres();
  await server.psql('postgres', 'CREATE DATABASE welldb; CREATE DATABASE notes');
  await server.psql('welldb', 'CREATE TABLE wells AS SELECT 1 AS id');
  database = createPostgres(server.kubectl, {
    namespace: 'tiny',
    selector: 'app=db',
    container: 'db',
    user: 'postgres',
    database: 'welldb',
  });
});
after(() => server.stop());

/** A session that holds the table for so many seconds, and does nothing else; once it does. */
async function hold(seconds: number): Promise<{ ended: Promise<unknown> }> {
  const ended = server.psql(
    'welldb',
    `SET application_name = 'night job'; BEGIN; LOCK TABLE wells; SELECT pg_sleep(${seconds})`,
  );
  const locks =
    "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'wells'::regclass";
  while ((await server.psql('welldb', locks)) !== '1') await sleep(20);
  return { ended };
}

const check = () => {
  const ctx = { product, database, signal: new AbortController().signal } as unknown as CheckContext;
  return checkDatabase(ctx, hostFacts(ctx));
};

test('preflight says who holds a table and since when, and which databases the dump leaves out', async () => {
  const free = await check();
  assert.equal(free.outcome, 'ok');
  assert.match(asTold(free.measured), /not dumped, other databases of the same server: notes/);
  assert.deepEqual(await otherDatabases(database), ['notes']);
  const job = await hold(2);
  const found = await check();
  assert.equal(found.outcome, 'warn');
  assert.match(
    asTold(found.measured),
    /^pid \d+ \(user postgres, night job\), in a transaction since \S+Z \(\d+ s\), holds wells: /,
  );
  assert.match(found.fix ?? '', /pg_terminate_backend\(\d+\)/);
  await job.ended;
  assert.equal((await check()).outcome, 'ok');
});

test('a dump that waits says for whom while it waits, and goes on when the table is free', async () => {
  const job = await hold(7);
  const warnings: string[] = [];
  const io = {
    signal: new AbortController().signal,
    record: () => Promise.resolve(),
    progress: () => undefined,
    log: () => undefined,
    warn: (line: string) => warnings.push(line),
  } as unknown as StepIo;
  const ctx = {
    product,
    k3s: '/usr/local/bin/k3s',
    paths: { ...productPaths(product), backups: join(server.folder, 'backups') },
    kubectl: { ...server.kubectl, list: () => Promise.resolve([]) },
    database,
    from: '2026.1',
    now: () => new Date(),
  } as unknown as UpgradeContext;
  const { path } = await takeDump(ctx, io);
  await job.ended;
  assert.ok(existsSync(String(path)));
  assert.equal(warnings.length, 1);
  assert.match(
    asTold(warnings[0] ?? ''),
    /the dump waits, for up to 60 s, for pid \d+ \(user postgres, night job\)/,
  );
});
