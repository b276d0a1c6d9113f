import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { queryStatus } from '../../../src/queries/status.ts';
import { keepCopy, keepEdited, keepFile, moveAside } from '../../../src/backup/backup-folder.ts';
import type { PgDump } from '../../../src/backup/dump-record.ts';
import { failingHelm, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';
import { restoredFrom } from '../../fixtures/in-process-host/postgres.ts';

/**
 * What stood before Helm first started: which dump and snapshot that is, that all texts say the same, and
 * that nobody writes there again.
 */

let host: SimulatedHost;
let empty: World;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push('Troll A-1');
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => (error as Error | undefined)?.message ?? '';
const backOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.wayBack?.join('\n') ?? '';
const state = (): State => host.state() as State;
const statePath = () => join(host.folder, '.installer/state.json');
const newest = () => state().derived.pgDump as unknown as PgDump;
const anchorOf = (version = '2026.1') =>
  state().anchors[version]?.derived as unknown as { pgDump?: PgDump; snapshot: { folder: string } };
const lineOf = ({ result }: Invocation, word: string) =>
  result?.lines.filter((line) => line.trim().startsWith(`${word} `)).map((line) => line.trim()) ?? [];
const warnings = ({ shown }: Invocation): readonly string[] =>
  shown.flatMap((event) => (event.type === 'step.warning' ? [event.line] : []));

/** Kills nothing: asks the run to stop at that place, which leaves the same journal. */
const stopAt = (place: string, options = {}) => host.run('upgrade', signalAt(place, 'SIGINT').watch, options);

/** Lets Helm fail half-way once the schema has moved, which rolls the release back. */
const movedThenFailed = failingHelm(
  () => host,
  () => (host.cluster.state.database.schema = 2),
);

function twoHoursOlder({ takenAt, endedAt = takenAt }: PgDump): void {
  const old = new Date(Date.now() - 7_200_000).toISOString();
  const text = readFileSync(statePath(), 'utf8').replaceAll(takenAt, old).replaceAll(endedAt, old);
  writeFileSync(statePath(), text);
}

const statusPorts = () => ({
  machine: host.machine('upgrade'),
  signal: new AbortController().signal,
  program: './tiny',
});

/** Every file below a folder with content, mode and time of its last change. */
function inventory(folder: string): string[] {
  return [folder, ...(readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name))]
    .sort()
    .map((path) => {
      const info = lstatSync(path);
      const hash = info.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
      return `${path} ${(info.mode & 0o7777).toString(8)} ${info.mtimeMs} ${hash}`;
    });
}

test('after --skip-backup and a schema that moved, a dump is later and none is from before', async () => {
  await stopAt('upgrade_helm:verified', { skipBackup: true });
  assert.equal(host.cluster.state.database.schema, 2);
  const first = anchorOf().snapshot.folder;
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(lineOf(ended, 'backup')[0] ?? '', /^backup {3}none: .*--skip-backup/);
  const { path } = newest();
  assert.ok(lineOf(ended, 'later').some((line) => line.includes(path) && line.includes('schema version 2')));
  assert.match(lineOf(ended, 'later').join('\n'), /it cannot restore 2026\.1/);
  assert.ok(lineOf(ended, 'snapshot')[0]?.includes(first));
  const { waysOut } = await queryStatus(statusPorts());
  assert.match(waysOut?.back.join('\n') ?? '', /^There is no dump from before this upgrade/);
  assert.ok(waysOut?.back.some((line) => line.startsWith('Other dump') && line.includes(path)));
  assert.equal(ended.result?.data.dump, null);
  assert.equal(ended.result?.data.laterDump, path);
});

test('a run that resumes beyond Helm names dump and snapshot of before; the later ones say what they are', async () => {
  const killed: [string, World][] = [];
  await host.run('upgrade', (event) => {
    const place = event.kind === 'place' && event.place.startsWith('upgrade_helm:') ? event.place : '';
    const inHelm = event.kind === 'program' && event.phase === 'during' && event.argv[1] === 'upgrade';
    if (inHelm || (place !== '' && place !== 'upgrade_helm:running'))
      killed.push([place || 'half of Helm', host.copy()]);
    return undefined;
  });
  assert.equal(killed.length, 3);
  for (const [place, world] of killed) {
    host.become(world);
    const { pgDump, snapshot } = anchorOf();
    const ended = await host.run('upgrade');
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    const { data } = ended.result!;
    assert.deepEqual([data.dump, data.snapshot], [pgDump?.path, snapshot.folder], place);
    assert.ok(lineOf(ended, 'backup')[0]?.includes(pgDump?.path ?? '?'), place);
    assert.notEqual(newest().path, pgDump?.path, place);
    assert.ok(
      lineOf(ended, 'later').some((line) => line.includes(newest().path)),
      place,
    );
    assert.notEqual(data.laterSnapshot, null, place);
  }
});

test('a failure names the dump from before, and once the database was restored the one of what was restored', async () => {
  const failed = await host.run('upgrade', movedThenFailed);
  assert.equal(failed.exitCode, 8, said(failed));
  const first = anchorOf().pgDump?.path ?? '?';
  assert.ok(backOf(failed).includes(`Dump from before: ${first}`));
  // Restored with the printed commands, and the product continues for a while.
  host.cluster.state.database.schema = 1;
  host.cluster.state.database.rows.push('Gullfaks A-1');
  const again = await host.run('upgrade', movedThenFailed);
  assert.equal(again.exitCode, 8, said(again));
  const second = newest().path;
  assert.ok(backOf(again).includes(`Dump from before: ${second}`), backOf(again));
  assert.ok(backOf(again).includes(`Other dump: ${first}`));
  const { waysOut } = await queryStatus(statusPorts());
  assert.equal(waysOut?.back[0], `Dump from before: ${second}`, 'status says the same afterwards');
  assert.deepEqual(restoredFrom(readFileSync(second, 'utf8')), {
    schema: 1,
    rows: ['Troll A-1', 'Gullfaks A-1'],
  });
  host.cluster.state.database.schema = 1;
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(lineOf(ended, 'backup')[0] ?? '', /after the database was restored/);
  assert.ok(lineOf(ended, 'backup')[0]?.includes(newest().path));
  assert.ok(lineOf(ended, 'earlier')[0]?.includes(first));
  assert.equal(anchorOf().pgDump?.path, first, 'the anchor itself stays');
});

test('--skip-backup of a run that has a dump keeps it, however old it is', async () => {
  await stopAt('upgrade_migrate:running');
  const dump = newest();
  twoHoursOlder(dump);
  const ended = await host.run('upgrade', undefined, { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(anchorOf().pgDump?.path, dump.path);
  assert.deepEqual(state().skippedBackups, []);
  assert.ok(lineOf(ended, 'backup')[0]?.includes(dump.path));
  assert.match(warnings(ended).join('\n'), /no new dump \(--skip-backup\): /);
});

test('a new dump that fails does not take the record of the old one away', async () => {
  await stopAt('upgrade_migrate:running');
  const dump = newest();
  twoHoursOlder(dump);
  const failed = await host.run('upgrade', (event) =>
    event.kind === 'program' && event.phase === 'before' && event.argv.includes('pg_dump')
      ? new IvaapError('failed', 'a table is locked')
      : undefined,
  );
  assert.equal(failed.exitCode, 6);
  assert.equal((state().run!.steps.upgrade_pg_backup!.earlier!.pgDump as unknown as PgDump).path, dump.path);
  const ended = await host.run('upgrade', undefined, { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(anchorOf().pgDump?.path, dump.path);
});

test('a database that a failed rollback left without a pod does not stop the run: it continues with the dump from before', async () => {
  assert.equal((await host.run('upgrade', movedThenFailed)).exitCode, 8);
  const { path } = anchorOf().pgDump!;
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.delete('Pod', 'db-0', namespace);
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(
    warnings(ended).join('\n'),
    /the database does not answer .* continues with .*from before Helm first started/,
  );
  assert.ok(lineOf(ended, 'backup')[0]?.includes(path));

  host.become(installed);
  await stopAt('upgrade_pg_backup:running');
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.delete('Pod', 'db-0', namespace);
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 6, 'without a dump from before there is nothing to go on with');
});

test('nothing writes into the folders of an anchor again, in any later run', async () => {
  assert.equal((await host.run('upgrade', movedThenFailed)).exitCode, 8);
  const { pgDump, snapshot } = anchorOf();
  const folders = [...new Set([pgDump!.folder, snapshot.folder])];
  for (const folder of folders) assert.equal(statSync(folder).mode & 0o7777, 0o500);
  const was = folders.flatMap(inventory);
  const unchanged = (what: string) => assert.deepEqual(folders.flatMap(inventory), was, what);
  const copyOfState = readFileSync(statePath(), 'utf8');

  assert.equal((await host.run('upgrade')).exitCode, 0);
  unchanged('the run that completes it');
  assert.equal((await host.run('upgrade', undefined, { reapply: true })).exitCode, 0);
  unchanged('--reapply');
  // The state of the middle of the run, put back by hand.
  writeFileSync(statePath(), copyOfState);
  await host.run('upgrade');
  unchanged('an old state');

  const io = { record: async () => {}, warn: () => {} };
  const file = join(host.folder, 'tiny.values.yaml');
  const [folder = ''] = folders;
  const refused = { code: 'failed', message: /nothing more is written there/ };
  await assert.rejects(keepFile(folder, 'new', 'text'), refused);
  await assert.rejects(keepCopy(folder, 'new', join(host.folder, 'TinyChart')), refused);
  await assert.rejects(moveAside(io, folder, file), refused);
  const ctx = { paths: { backups: join(host.folder, '.installer/backups') }, now: () => new Date() };
  await keepEdited(ctx as never, io, file, folder);
  unchanged('every writer of backups');
});

test('a state from before Helm started, put back after it, is reported as such: the dump from before stays the one from before', async () => {
  await stopAt('upgrade_snapshot:verified');
  const older = readFileSync(statePath(), 'utf8');
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const { pgDump } = anchorOf();
  writeFileSync(statePath(), older);
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(ended.result?.data.dump, pgDump?.path);
  assert.deepEqual(ended.result?.data.schema, { before: 1, after: 2, differs: null });
  const messages = ended.shown.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.match(messages.join('\n'), /the state file is older than this host: Helm started/);
});

test("the snapshot's copy of the state is one without the run that made it", async () => {
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const copy = JSON.parse(readFileSync(join(anchorOf().snapshot.folder, 'state.json'), 'utf8')) as State;
  assert.equal(copy.run, undefined);
  assert.equal(copy.installed?.version, '2026.1');
  writeFileSync(statePath(), JSON.stringify(copy));
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 3, 'state, chart and release disagree');
});

test('a state that spells versions in another way names the same ones: a run resumes, and --reapply removes no anchor', async () => {
  const spelled = (version: string) => {
    const text = readFileSync(statePath(), 'utf8');
    writeFileSync(
      statePath(),
      text.replaceAll(new RegExp(`"(version|to)": "${version}"`, 'g'), `"$1": "${version}.0"`),
    );
  };
  await stopAt('upgrade_migrate:running');
  spelled('2026.1');
  spelled('2026.2');
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual([Object.keys(state().anchors), state().installed?.version], [['2026.1'], '2026.2']);
  assert.equal(state().history.at(-1)?.status, 'completed', 'it was the same run');
  spelled('2026.2');
  const again = await host.run('upgrade', movedThenFailed, { reapply: true });
  assert.notEqual(again.exitCode, 0);
  spelled('2026.2');
  const reapplied = await host.run('upgrade');
  assert.equal(reapplied.exitCode, 0, said(reapplied));
  assert.deepEqual(Object.keys(state().anchors).sort(), ['2026.1', '2026.2']);
});

test('a failure after the chart was replaced says whose chart is on disk and where the old one is', async () => {
  const failed = await host.run('upgrade', movedThenFailed);
  const { originals } = state().run!;
  assert.match(backOf(failed), /TinyChart and the values overlay are already those of 2026\.2/);
  assert.ok(backOf(failed).includes(String(originals?.oldChart)));
  assert.ok(existsSync(String(originals?.oldChart)));
  host.become(installed);
  const early = await host.run('upgrade', signalAt('upgrade_snapshot:running', 'SIGINT').watch);
  assert.doesNotMatch(backOf(early), /On disk/);
});

for (const flow of ['install', 'upgrade'] as const) {
  test(`a chart that was edited between two attempts at an ${flow} is kept in a backup and named`, async () => {
    const place = flow === 'install' ? 'load_images:running' : 'upgrade_migrate:running';
    if (flow === 'install') host.become(empty);
    assert.equal((await host.run(flow, signalAt(place, 'SIGINT').watch)).exitCode, 130);
    const edited = join(host.folder, 'TinyChart/templates/server.yaml');
    writeFileSync(edited, `${readFileSync(edited, 'utf8')}# mended by hand\n`);
    writeFileSync(join(host.folder, 'TinyChart/templates/mine.yaml'), '# new\n');
    const ended = await host.run(flow);
    assert.equal(ended.exitCode, 0, said(ended));
    const [, kept = ''] = /TinyChart differs .*kept as (\S+),/.exec(warnings(ended).join('\n')) ?? [];
    assert.match(readFileSync(join(kept, 'templates/server.yaml'), 'utf8'), /# mended by hand/);
    assert.ok(existsSync(join(kept, 'templates/mine.yaml')));
    assert.doesNotMatch(readFileSync(edited, 'utf8'), /mended by hand/);
  });
}
