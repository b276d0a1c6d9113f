import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { statusLines } from '../../../src/ui/status-text.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import { unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import {
  SimulatedHost,
  type Invocation,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/**
 * Where the schema is still to move, an operator may continue by Helm alone: the line for it is the upgrade's
 * own.
 */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

/** The new server leaves the schema where it is; what Helm was started with goes into `started`. */
const schemaStays =
  (started: (readonly string[])[] = []): Watcher =>
  (event) => {
    if (event.kind !== 'program' || event.argv[1] !== 'upgrade') return undefined;
    if (event.phase === 'before') started.push(event.argv);
    if (event.phase === 'after') host.cluster.state.database.schema = 1;
    return undefined;
  };

const byHand = /^ *(?:by hand {2})?to apply a changed values file with Helm: (.*)$/;
const lineIn = (lines: readonly string[] = []): string | undefined =>
  lines.flatMap((line) => byHand.exec(line)?.[1] ?? [])[0];
const summaryLine = ({ result }: Invocation) => lineIn(result?.lines);
const status = async () => statusLines({ ...(await host.status('upgrade')), running: null });

/** The words that a shell makes of a line. */
const shellWords = (line: string): string[] =>
  execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');

const deployedValues = () =>
  host.cluster
    .list('Secret', namespace, 'owner=helm,name=tiny')
    .map((secret) => unpackRecord((secret.data as { release: string }).release))
    .find(({ status: now }) => now === 'deployed')?.values;

test('summary and status print the very command that the upgrade started', async () => {
  const started: (readonly string[])[] = [];
  const ended = await host.run('upgrade', schemaStays(started));
  assert.equal(ended.exitCode, 0, String(ended.error));
  const line = summaryLine(ended);
  assert.deepEqual(shellWords(line ?? ''), started[0] ?? []);
  assert.ok(started[0]?.includes(`--values=${join(host.folder, '.installer/values.overlay.yaml')}`));
  assert.ok(existsSync(started[0]?.[0] ?? ''));
  assert.equal(ended.result?.data.helmByHand, line);
  assert.match(ended.result?.lines.join('\n') ?? '', /schema {3}the schema is at version 1, .* is 2: /);
  const output = await status();
  assert.equal(lineIn(output), line);
  assert.match(output.join('\n'), /database:\n {2}the schema is at version 1, and this release's is 2: /);
});

test('once the schema is where the release needs it, nothing is left to do by hand', async () => {
  const moved = await host.run('upgrade');
  assert.equal(moved.result?.data.helmByHand, null);
  assert.equal(summaryLine(moved), undefined);
  const output = await status();
  assert.equal(lineIn(output), undefined);
  assert.match(output.join('\n'), /database:\n {2}the schema is at version 2\n/);
});

test('typed, it applies a changed values file with the overlay, as the upgrade does', async () => {
  const ended = await host.run('upgrade', schemaStays());
  appendFileSync(join(host.folder, 'tiny.values.yaml'), 'note: mine\n');
  const argv = shellWords(summaryLine(ended) ?? '');
  await host
    .machine('upgrade')
    .createRunner()
    .run(argv as [string, ...string[]]);
  const values = deployedValues();
  assert.equal(values?.note, 'mine');
  assert.equal(values?.pool, 5);
});

test('what the upgrade was let take over, Helm by hand takes over too', async () => {
  const started: (readonly string[])[] = [];
  const ended = await host.run('upgrade', schemaStays(started), { forceConflicts: true });
  assert.deepEqual(shellWords(summaryLine(ended) ?? ''), started[0] ?? []);
  assert.ok(started[0]?.includes('--force-conflicts'));
});

test('an upgrade that is not finished is resumed by its own command, and not by Helm', async () => {
  const failed = await host.run(
    'upgrade',
    failingHelm(() => host),
  );
  assert.equal(failed.exitCode, 7, String(failed.error));
  const output = await status();
  assert.equal(lineIn(output), undefined);
  assert.match(output.join('\n'), /to resume: /);
});
