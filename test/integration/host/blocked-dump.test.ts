import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { asTold } from '../../fixtures/as-told.ts';
import type { IvaapError } from '../../../src/errors.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { otherDatabases } from '../../../src/host/database-sessions.ts';
import { warnOfSessions } from '../../../src/release/halt-for-dump.ts';
import { createPostgres, type Postgres } from '../../../src/host/postgres.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';
import { database as databaseCheck } from '../../../src/checks/database.ts';
import type { UpgradeCheckContext } from '../../../src/checks/context.ts';
import { hostFacts } from '../../../src/checks/facts.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { takeDump } from '../../../src/backup/dump-files.ts';
import { productPaths } from '../../../src/release/product-paths.ts';
import { reportingLockHolders } from '../../../src/backup/dump-wait.ts';
import { type OwnPostgres, startPostgres } from '../../fixtures/own-postgres.ts';
import { measured } from '../../fixtures/measured.ts';
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
  const ctx = { product, database, signal: new AbortController().signal } as unknown as UpgradeCheckContext;
  return measured(databaseCheck, ctx, hostFacts(ctx));
};

test('who is connected once a last dump is taken is named', async () => {
  const warned: string[] = [];
  const io = {
    signal: new AbortController().signal,
    log: () => {},
    warn: (line: string) => warned.push(line),
  };
  await warnOfSessions(database, io);
  assert.deepEqual(warned, []);
  const job = await hold(300);
  await warnOfSessions(database, io);
  assert.match(
    asTold(warned.join()),
    /^connected to the database: pid \d+ \(user postgres, night job\), in a transaction/,
  );
  const ended = assert.rejects(job.ended);
  await server.psql(
    'welldb',
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'night job'",
  );
  await ended;
});

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

/** What a dump says to its operator. */
function listener() {
  const warnings: string[] = [];
  const io = {
    signal: new AbortController().signal,
    record: () => Promise.resolve(),
    progress: () => undefined,
    log: () => undefined,
    warn: (line: string) => warnings.push(line),
  } as unknown as StepIo;
  return { io, warnings };
}

const upgradeContext = () =>
  ({
    product,
    k3s: '/usr/local/bin/k3s',
    paths: { ...productPaths(product), backups: join(server.folder, 'backups') },
    kubectl: { ...server.kubectl, list: () => Promise.resolve([]) },
    database,
    from: '2026.1',
    now: () => new Date(),
  }) as unknown as UpgradeContext;

test('a dump that waits says for whom while it waits, and continues when the table is free', async () => {
  const job = await hold(7);
  const { io, warnings } = listener();
  const { path } = await takeDump(upgradeContext(), io);
  await job.ended;
  assert.ok(existsSync(String(path)));
  assert.equal(warnings.length, 1);
  assert.match(
    asTold(warnings[0] ?? ''),
    /the dump waits, for up to 60 s, for pid \d+ \(user postgres, night job\)/,
  );
});

test('a dump that has waited in vain says for whom, with the command that ends that session', async () => {
  const job = await hold(8);
  const { io, warnings } = listener();
  // As pg_dump waits, but with a shorter wait.
  const waits =
    "SET application_name = 'pg_dump'; SET lock_timeout = '5s'; BEGIN; LOCK TABLE wells IN ACCESS SHARE MODE";
  const failed = reportingLockHolders(
    upgradeContext(),
    io,
    () => 0,
    () => server.psql('welldb', waits),
  );
  await assert.rejects(failed, (error: IvaapError) => {
    assert.equal(error.code, 'failed');
    assert.match(
      asTold(error.message),
      /^the dump waited 60 s for a table that another session holds: pid \d+ \(user postgres, night job\), in a transaction since/,
    );
    const [, pid] = /holds: pid (\d+)/.exec(asTold(error.message)) ?? [];
    const command = `-d postgres -c "SELECT pg_terminate_backend(${pid})"`;
    assert.match(
      asTold(error.hint ?? ''),
      /^wait for that session to end, or end it: \S*k3s kubectl exec -n \S+ \S+ -c \S+ -- psql -U /,
    );
    assert.ok(asTold(error.hint ?? '').endsWith(command), error.hint);
    return true;
  });
  assert.equal(warnings.length, 1);
  await job.ended;
});

test('a dump that fails for another reason blames nobody', async () => {
  const { io, warnings } = listener();
  const failed = reportingLockHolders(
    upgradeContext(),
    io,
    () => 0,
    () => server.psql('welldb', 'SELECT 1 / 0'),
  );
  await assert.rejects(failed, (error: IvaapError) =>
    /division by zero/.test(error.output ?? String(error.cause)),
  );
  assert.deepEqual(warnings, []);
});
