import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { errorLines } from '../../../src/ui/error-text.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { schemaObjectsQuery } from '../../../src/host/schema-objects.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { refusedCall } from '../../fixtures/in-process-host/runner.ts';

/** What a Helm that failed has left of the schema, and that the answer is asked for again. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation): string => (error as Error | undefined)?.message ?? '';
const found = () => host.state()?.run?.pointOfNoReturn?.found?.data;
const verdictNow = async () => (await host.status('upgrade')).schemaVerdict;

/** Helm fails half-way and rolls back; meanwhile the new server has left something. */
function failing(meanwhile: () => void = () => {}): Watcher {
  return (event) => {
    if (event.kind !== 'program' || event.phase !== 'during' || event.argv[1] !== 'upgrade') return undefined;
    meanwhile();
    delete host.cluster.state.images['registry.example/tiny/server:2026.2'];
    return undefined;
  };
}

const halfMigrated = () => (host.cluster.state.database.made = ['half']);

/** The same, and from then on the database answers neither question, or only not the one for its objects. */
function silentAfter(watch: Watcher, which: 'all' | 'objects'): Watcher {
  let silent = false;
  return (event) => {
    const fault = watch(event);
    if (event.kind !== 'program') return fault;
    if (event.phase === 'during' && event.argv[1] === 'upgrade') silent = true;
    const asks = event.argv.includes(which === 'all' ? 'psql' : schemaObjectsQuery);
    return silent && asks && event.phase === 'before' ? refusedCall(['k3s', 'kubectl', 'exec']) : fault;
  };
}

test('a schema with its version and all of its objects as before is unchanged: exit 7', async () => {
  const ended = await host.run('upgrade', failing());
  assert.equal(ended.exitCode, 7, said(ended));
  assert.match(said(ended), /unchanged \(version 1\): every object is as before/);
  assert.deepEqual(found(), { kind: 'unchanged', version: 1, compared: true });
  assert.equal((await verdictNow())?.verdict, 'unchanged');
});

test('a part of a migration below the same version is exit 8, says what differs, and its way back is the restore', async () => {
  const ended = await host.run('upgrade', failing(halfMigrated));
  assert.equal(ended.exitCode, 8, said(ended));
  assert.match(said(ended), /changed although its version is still 1: 1 table, 1 column\./);
  assert.match(errorLines(describeError(ended.error)).join('\n'), /^ *\.\/tiny restore$/m);
  assert.deepEqual(found(), { kind: 'changed', version: 1, difference: { table: 1, column: 1 } });
  const report = await host.status('upgrade');
  assert.equal(report.schemaVerdict?.verdict, 'changed');
  assert.deepEqual(report.schemaVerdict?.differs, { table: 1, column: 1 });
  assert.match(statusLines(report).join('\n'), /since Helm first started .*: 1 table, 1 column/);
});

test('a dump of a half migrated schema is not taken for one of the schema from before, until that was restored', async () => {
  await host.run('upgrade', failing(halfMigrated));
  const first = host.state()!.anchors['2026.1']!.derived['pgDump'] as { path: string };
  const second = await host.run('upgrade', failing());
  assert.equal(second.exitCode, 8, said(second));
  const lines = errorLines(describeError(second.error)).join('\n');
  assert.match(lines, new RegExp(`Dump from before: ${first.path}`));
  // Restored: the next attempt starts from the old schema, and its dump is of it again.
  delete host.cluster.state.database.made;
  const third = await host.run('upgrade', failing());
  assert.equal(third.exitCode, 7, said(third));
  assert.equal(found()?.['kind'], 'unchanged');
});

test('a database that does not answer is unknown; status asks again, and so does the next run, which records it', async () => {
  const ended = await host.run('upgrade', silentAfter(failing(), 'all'));
  assert.equal(ended.exitCode, 6, said(ended));
  assert.match(said(ended), /not known: the database did not answer/);
  assert.equal(found()?.['kind'], 'unknown');
  const now = await verdictNow();
  assert.equal(now?.verdict, 'unchanged');
  assert.match(now?.text ?? '', /every object is as before/);
  const again = await host.run('upgrade', failing());
  assert.equal(again.exitCode, 7, said(again));
  assert.equal(found()?.['kind'], 'unchanged');
});

test('the version alone proves nothing where the objects from before are known and those of now are not', async () => {
  const ended = await host.run('upgrade', silentAfter(failing(), 'objects'));
  assert.equal(ended.exitCode, 6, said(ended));
  assert.match(said(ended), /not known: its version is 1 as before, but/);
});

test('a server that never tells its objects is not waited for: the version decides, as the sentence shows', async () => {
  let asked = 0;
  const ended = await host.run('upgrade', (event) => {
    const isAsked = event.kind === 'program' && event.argv.includes(schemaObjectsQuery);
    if (isAsked && event.phase === 'before') {
      asked += 1;
      return new IvaapError('failed', 'permission denied');
    }
    return failing(() => (asked = 0))(event);
  });
  assert.equal(ended.exitCode, 7, said(ended));
  assert.match(said(ended), /unchanged \(version 1\)\./);
  assert.equal(asked, 1);
});

test('where the cluster is away later, status tells what was recorded, and when', async () => {
  await host.run('upgrade', failing(halfMigrated));
  const asked = host.state()!.run!.pointOfNoReturn!.found!.at;
  host.cluster.delete('Pod', 'db-0', 'tiny');
  const now = await verdictNow();
  assert.deepEqual([now?.verdict, now?.at], ['changed', asked]);
});

test('the database is waited for once Helm has failed, and that is said', async () => {
  let left = 4;
  let failed = false;
  const watch = failing();
  const ended = await host.run('upgrade', (event) => {
    if (event.kind !== 'program') return undefined;
    if (event.phase === 'after' && event.argv[1] === 'upgrade') failed = true;
    const asks = failed && event.phase === 'before' && event.argv.includes('psql');
    if (asks && (left -= 1) >= 0) return new IvaapError('failed', 'the database is not ready');
    return watch(event);
  });
  assert.equal(ended.exitCode, 7, said(ended));
  const lines = ended.shown.flatMap((event) => (event.type === 'step.warning' ? [event.line] : []));
  assert.ok(lines.some((line) => /waiting for the database to tell its schema, up to 180 s/.test(line)));
});

test('a completed upgrade says that the version has moved, and asks no longer', async () => {
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(ended.result?.data.schema, { before: 1, after: 2, differs: null });
  assert.deepEqual(found(), { kind: 'moved', before: 1, after: 2 });
  assert.equal(await verdictNow(), null);
});
