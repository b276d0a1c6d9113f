import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { errorLines } from '../../../src/ui/error-text.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { queryStatus } from '../../../src/queries/status.ts';
import type { PgDump } from '../../../src/backup/dump-record.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import { SimulatedHost, type Watcher, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** What `status` can tell again from the state alone, and what must not hide the rest of it. */

let host: SimulatedHost;
let empty: World;
let installed: World;
let failed: World;
let exit8: string[];

/** Helm fails once the new server has moved the schema, and rolls back. */
const movedThenFailed = failingHelm(
  () => host,
  () => (host.cluster.state.database.schema = 2),
);

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
  const ended = await host.run('upgrade', movedThenFailed);
  assert.equal(ended.exitCode, 8, String(ended.error));
  exit8 = errorLines(describeError(ended.error));
  failed = host.copy();
});
after(() => host.close());
beforeEach(() => host.become(failed));

/** The process that held the lock is this one, and lives. */
const text = async () => statusLines({ ...(await host.status('upgrade')), running: null }).join('\n');
const stateFile = () => join(host.folder, '.installer/state.json');

test('after exit 8 it prints the complete way back again, and how to resume, from any shell', async () => {
  const { path, sha256 } = host.state()!.anchors['2026.1']!.derived.pgDump as PgDump;
  const output = await text();
  assert.match(output, /error: the upgrade to 2026\.2 failed\..*schema has moved from version 1 to 2/);
  assert.match(output, /to resume: \/.* install --upgrade\n {2}log: .*\/logs\/.*-upgrade\.jsonl/);
  for (const part of [
    'the way back:',
    path,
    `SHA-256: ${sha256}`,
    'To go back to 2026.1, with the database as it was at',
    '  ./tiny restore',
  ]) {
    assert.ok(output.includes(part), `${part} in\n${output}`);
  }
});

test('exit 8 itself prints the way back apart from what Helm said last, with one command', () => {
  const [heading, said] = [exit8.indexOf('  the way back:'), exit8.indexOf('  last output:')];
  assert.ok(heading > said && said > 0, exit8.join('\n'));
  assert.doesNotMatch(exit8.slice(0, heading).join('\n'), /restore\.sh|Dump from before/);
  const commands = exit8.slice(heading).filter((line) => /^ {6}\S/.test(line));
  assert.deepEqual(commands, ['      ./tiny restore']);
});

test('it is reported after the state was created again, too', async () => {
  const { path } = host.state()!.anchors['2026.1']!.derived.pgDump as PgDump;
  rmSync(stateFile());
  assert.equal((await host.repair('upgrade')).exitCode, 0);
  const output = await text();
  assert.match(output, /last run: upgrade 2026\.1 -> 2026\.2, failed/);
  assert.ok(output.includes(`Dump from before: ${path}`), output);
  assert.match(output, /state repaired .* by /);
});

test('a dump that is away is called that', async () => {
  const { path } = host.state()!.anchors['2026.1']!.derived.pgDump as PgDump;
  rmSync(path);
  assert.ok((await text()).includes(`${path} (missing now)`));
});

test('a completed run has nothing to resume; the line of a run without a dump goes with that run', async () => {
  host.become(installed);
  assert.equal((await host.run('upgrade', undefined, { skipBackup: true })).exitCode, 0);
  const output = await text();
  assert.match(output, /no dump of this upgrade: 2026\.1 -> 2026\.2, --skip-backup/);
  assert.doesNotMatch(output, /to resume|the way back/);
  assert.equal((await host.run('upgrade', undefined, { reapply: true })).exitCode, 0);
  assert.equal(host.state()!.skippedBackups.length, 1);
  assert.doesNotMatch(await text(), /no dump of this upgrade/);
});

test('what resumes an install is typed as it was, from any folder, by the file that started it', async () => {
  host.become(empty);
  const license = join(host.root, 'license.json');
  const typed = [
    '--fqdn',
    'tiny.example',
    '--license',
    relative(process.cwd(), license),
    '--waive=a=it is so',
  ];
  const broken: Watcher = (event) =>
    event.kind === 'place' && event.place === 'license:running' ? new IvaapError('failed', 'no') : undefined;
  assert.equal((await host.run('install', broken, {}, { typed })).exitCode, 6);
  const forward = (await host.status('install')).waysOut?.forward;
  assert.equal(
    forward,
    `${process.execPath} install --fqdn tiny.example --license ${license} '--waive=a=it is so'`,
  );
  // What is typed the last time counts, and what would start again is left out.
  const later = ['--license', license];
  const again = await host.run('install', broken, { supersede: true }, { typed: later });
  assert.equal(again.exitCode, 6);
  assert.equal(
    (await host.status('install')).waysOut?.forward,
    `${process.execPath} install --license ${license}`,
  );
});

test('something strange among the backups hides none of the others', async () => {
  const backups = join(host.folder, '.installer/backups');
  writeFileSync(join(backups, 'notes.txt'), 'a stray file');
  symlinkSync('/nowhere', join(backups, 'link'));
  mkdirSync(join(backups, 'zz'));
  const output = await text();
  assert.match(output, /notes\.txt: no folder/);
  assert.match(output, /link: no folder/);
  assert.match(output, /\d{8}T\d{6}Z\n +.*tinydb\.sql/);
});

test('nothing that pods or files say steers the terminal', async () => {
  const pod = host.cluster.get('Pod', 'server-0', namespace)!;
  const waiting = {
    reason: 'CrashLoopBackOff',
    message: '\u001B[2J\u001B]0;title\u0007\u009B31mred\u202Etxt',
  };
  const container = { name: 'server', image: 'i', imageID: 'sha256:1', ready: false, restartCount: 3 };
  host.cluster.apply({
    ...pod,
    status: { phase: 'Pending', containerStatuses: [{ ...container, state: { waiting } }] },
  });
  writeFileSync(join(host.folder, '.installer/values.overlay.yaml'), 'a: "\u001B]52;c;ZXZpbA==\u0007"\n');
  const output = await text();
  assert.match(output, /CrashLoopBackOff/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(output, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
});

test('Ctrl-C ends it at once while the cluster is asked', async () => {
  const stop = new AbortController();
  const reason = new IvaapError('interrupted', 'stopped by SIGINT');
  const machine = host.machine('upgrade');
  const silent = {
    ...machine,
    createRunner: () => ({
      run: () => {
        setImmediate(() => stop.abort(reason));
        return new Promise<never>(() => {});
      },
    }),
  };
  await assert.rejects(queryStatus({ machine: silent, signal: stop.signal, program: './tiny' }), reason);
});
