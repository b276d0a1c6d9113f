import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { globalsFile, restoreFiles } from '../../../src/backup/dump-files.ts';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { pruneBackups } from '../../../src/flows/backup/prune.ts';
import { takeBackup } from '../../../src/flows/backup/take.ts';
import { verifyBackup } from '../../../src/flows/backup/verify.ts';
import { queryBackups } from '../../../src/queries/backup-list.ts';
import { backupEntrySchema, type BackupEntry, backupListSchema } from '../../../src/queries/backup-schema.ts';
import { backupLines } from '../../../src/ui/backup-text.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import { restoredFrom } from '../../fixtures/in-process-host/postgres.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { refusedCall } from '../../fixtures/in-process-host/runner.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** `backup` and its actions, with the kills and disturbances that a host may bring. */

let host: SimulatedHost;
let empty: World;
let installed: World;
before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows = ['Alpha', 'Beta'];
  mkdirSync(join(host.root, 'disk'), { mode: 0o755 });
  installed = host.copy();
});
after(() => host.close());
beforeEach(() => host.become(installed));

type Take = Partial<Parameters<typeof takeBackup>[0]>;
const take = (options: Take = {}, watch?: Watcher): Promise<Invocation> =>
  host.command(
    'install',
    ['backup'],
    async (ports) => {
      const data = await takeBackup(
        { output: undefined, name: undefined, compress: undefined, ...options },
        ports,
      );
      return { lines: [], data: backupEntrySchema.parse(data) };
    },
    {},
    watch,
  );
const verify = (name: string, watch?: Watcher): Promise<Invocation> =>
  host.command(
    'install',
    ['backup', 'verify', name],
    async (ports) => ({ lines: [], data: backupEntrySchema.parse(await verifyBackup(name, ports)) }),
    {},
    watch,
  );
const prune = (options = {}, given = {}): Promise<Invocation> =>
  host.command(
    'install',
    ['backup', 'prune'],
    async (ports) => ({
      lines: [],
      data: { ...(await pruneBackups({ dryRun: false, yes: true, ...options }, ports)) },
    }),
    given,
  );
const list = async (): Promise<{ backups: BackupEntry[]; unknown: string[] }> => {
  const ended = await host.command('install', ['backup', 'list'], async (ports) => ({
    lines: [],
    data: { ...backupListSchema.parse(await queryBackups(ports)) },
  }));
  assert.equal(ended.exitCode, 0, String(ended.error));
  return ended.result?.data as Awaited<ReturnType<typeof list>>;
};
const entryOf = (ended: Invocation): BackupEntry => {
  assert.equal(ended.exitCode, 0, String(ended.error));
  return ended.result?.data as BackupEntry;
};
const folders = () => join(host.folder, '.installer/backups');
const names = () => (existsSync(folders()) ? readdirSync(folders()).toSorted() : []);
const besides = () => Object.keys(host.cluster.state.database.beside ?? {});
function refused({ exitCode, error }: Invocation, expected: number, message: RegExp): IvaapError {
  assert.ok(error instanceof IvaapError, String(error));
  assert.equal(exitCode, expected, error.message);
  assert.match(causeChain(error).join('\n'), message);
  assert.notEqual(error.hint ?? '', '', 'a command to try');
  return error;
}

test('a backup is whole, private, recorded, listed, and leaves the run as it was', async () => {
  const run = host.state()?.run;
  const entry = entryOf(await take({ name: 'first' }));
  const folder = join(folders(), 'first');
  assert.deepEqual(
    [entry.name, entry.kind, entry.whole, entry.verified, entry.release],
    ['first', 'backup', true, null, '2026.1'],
  );
  assert.equal(lstatSync(folder).mode & 0o777, 0o700);
  for (const file of readdirSync(folder)) {
    const mode = lstatSync(join(folder, file)).mode & 0o777;
    assert.equal(mode, file === 'restore.sh' ? 0o700 : 0o600, file);
  }
  assert.deepEqual(restoredFrom(readFileSync(entry.path, 'utf8')).rows, ['Alpha', 'Beta']);
  assert.deepEqual(host.state()?.run, run);
  assert.deepEqual((await list()).backups, [entry]);
  assert.deepEqual((await list()).unknown, []);
  refused(await take({ name: 'first' }), 2, /already exists/);
  assert.deepEqual(host.violations, []);
});

test('packed by zstd it is whole, listed with the size of its file, and verified as any other', async () => {
  host.cluster.state.database.rows = Array.from({ length: 2000 }, (_, index) => `Well ${index}`);
  const plain = entryOf(await take({ name: 'plain' }));
  const packed = entryOf(await take({ name: 'packed', compress: 'zstd' }));
  assert.equal(packed.path, join(folders(), 'packed', `${basename(plain.path)}.zst`));
  const bytes = readFileSync(packed.path);
  assert.deepEqual(
    [packed.sizeBytes, packed.sha256, packed.rows],
    [bytes.length, createHash('sha256').update(bytes).digest('hex'), plain.rows],
  );
  assert.ok(packed.sizeBytes < plain.sizeBytes / 2, `${packed.sizeBytes} of ${plain.sizeBytes}`);
  const text = zstdDecompressSync(bytes).toString();
  assert.deepEqual(restoredFrom(text).rows, host.cluster.state.database.rows);
  const recorded = host.state()?.backups?.find(({ name }) => name === 'packed')?.pgDump;
  assert.equal(recorded?.['textBytes'], Buffer.byteLength(text));
  assert.notEqual(entryOf(await verify('packed')).verified, null);
  writeFileSync(packed.path, bytes.subarray(0, -1));
  refused(await verify('packed'), 6, /packed/);
});

test('it is taken while the pods of the product are down', async () => {
  for (const { metadata } of host.cluster.list('Pod', namespace, 'app=server'))
    host.cluster.delete('Pod', metadata.name, namespace);
  assert.equal(host.healthy(), false);
  entryOf(await take());
});

test('it goes to another disk, whose own folder keeps its mode', async () => {
  const output = join(host.root, 'disk');
  const entry = entryOf(await take({ output, name: 'elsewhere' }));
  assert.equal(entry.path.startsWith(`${output}/elsewhere/`), true);
  assert.equal(lstatSync(output).mode & 0o777, 0o755);
  assert.deepEqual((await list()).backups, [entry]);
});

test('where it cannot go it says why, and nothing is made', async () => {
  const disk = join(host.root, 'disk');
  writeFileSync(join(disk, 'file'), '');
  symlinkSync(disk, join(disk, 'link'));
  mkdirSync(join(disk, 'open'), { mode: 0o777 });
  mkdirSync(join(disk, 'theirs'));
  chownSync(join(disk, 'theirs'), 12345, 12345);
  const theirs = await take({ output: join(disk, 'theirs') });
  refused(theirs, 3, /belongs to user 12345/);
  assert.doesNotMatch(JSON.stringify(theirs), /chown/, 'nobody is told to take a folder of others away');
  refused(await take({ output: join(disk, 'none') }), 2, /does not exist/);
  refused(await take({ output: join(disk, 'file') }), 2, /is not a folder/);
  refused(await take({ output: join(disk, 'link') }), 2, /is a link/);
  refused(await take({ output: '-' }), 2, /- is not taken for standard input or output/);
  refused(await take({ output: '/proc/self/task' }), 3, /the file system at \/proc holds no files/);
  for (const name of ['a/b', '../x', '', '-rf', 'a\u0007b', 'a\nb', '.', 'x'.repeat(101)]) {
    refused(await take({ name }), 2, /cannot be the name of a backup/);
    refused(await verify(name), 2, /cannot be the name of a backup/);
  }
  assert.deepEqual(names(), []);
  assert.equal(host.state()?.['backups'], undefined);
});

test('without a state, or with that of another product, it says so', async () => {
  const state = join(host.folder, '.installer/state.json');
  const text = readFileSync(state, 'utf8');
  writeFileSync(state, text.replace('"product": "tiny"', '"product": "other"'));
  for (const ended of [await take(), await verify('x'), await prune()]) refused(ended, 3, /belongs to other/);
  rmSync(state);
  for (const ended of [await take(), await verify('x'), await prune()])
    refused(ended, 5, /this installer made the installation on this host, but its state is lost/);
});

test('on a host with nothing installed there is nothing to do, and it says so', async () => {
  host.become(empty);
  refused(await take(), 10, /^there is nothing to back up on this host: there is no /);
  refused(await verify('x'), 10, /^there is nothing to verify on this host: /);
  refused(await prune(), 10, /^there is nothing to prune on this host: /);
});

test('a backup that is verified says when, also after a list; its copy is gone', async () => {
  entryOf(await take({ name: 'one' }));
  const entry = entryOf(await verify('one'));
  assert.notEqual(entry.verified, null);
  assert.deepEqual((await list()).backups, [entry]);
  assert.deepEqual(besides(), []);
  const report = await host.status('install');
  assert.deepEqual([report.latestDump?.path, report.latestDump?.verified], [entry.path, entry.verified?.at]);
  assert.match(statusLines(report, 300).join('\n'), /old, backup verified by restore/);
  refused(await verify('two'), 2, /there is no backup two/);
  assert.deepEqual(host.violations, []);
});

test('a backup that was changed or is gone is not verified', async () => {
  const { path } = entryOf(await take({ name: 'one' }));
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('Alpha', 'Alphb'));
  refused(await verify('one'), 6, /SHA-256/);
  const [changed] = (await list()).backups;
  assert.match(changed?.failed?.why ?? '', /SHA-256/);
  assert.match(changed === undefined ? '' : backupLines(changed).join('\n'), /not verified: .*SHA-256/);
  writeFileSync(path, text.slice(10));
  refused(await verify('one'), 6, /is missing, or has not its recorded size/);
  assert.equal((await list()).backups[0]?.verified, null);
  assert.equal((await list()).backups[0]?.whole, false);
  assert.deepEqual(besides(), []);
});

test('a verification that fails takes the place of an earlier one, until the next; a stop does not', async () => {
  const { path } = entryOf(await take({ name: 'one' }));
  const text = readFileSync(path, 'utf8');
  const proved = entryOf(await verify('one')).verified;
  const stopped = await verify('one', (event) =>
    event.kind === 'program' && event.argv.includes('-o') && event.phase === 'during'
      ? new IvaapError('interrupted', 'stopped')
      : undefined,
  );
  assert.equal(stopped.exitCode, 130);
  assert.deepEqual((await list()).backups[0]?.verified, proved);
  writeFileSync(path, text.replace('Alpha', 'Alphb'));
  refused(await verify('one'), 6, /SHA-256/);
  assert.equal((await list()).backups[0]?.verified, null);
  assert.equal((await host.status('install')).latestDump?.verified, undefined);
  refused(await prune(), 10, /no backup to remove/);
  writeFileSync(path, text);
  const again = entryOf(await verify('one'));
  assert.notEqual(again.verified, null);
  assert.equal(again.failed, null);
});

test('the dump of an upgrade is listed, as the way back, and can be verified', async () => {
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const [anchor, ...others] = (await list()).backups;
  assert.deepEqual([anchor?.anchor, anchor?.kind, others.length], ['2026.1', 'upgrade', 0]);
  const entry = entryOf(await verify(anchor?.name ?? ''));
  assert.notEqual(entry.verified, null);
});

test('a lost state hides no backup that its own record tells of', async () => {
  entryOf(await take({ name: 'one' }));
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  delete state['backups'];
  writeFileSync(path, JSON.stringify(state));
  assert.deepEqual(
    (await list()).backups.map(({ name, kind }) => [name, kind]),
    [['one', 'backup']],
  );
});

/** Every world that a kill leaves while the command runs. */
async function killed(work: (watch: Watcher) => Promise<Invocation>): Promise<World[]> {
  const worlds: World[] = [];
  await work((event) => {
    // What is before one event is what was after the last.
    if (!('phase' in event) || event.phase !== 'before') worlds.push(host.copy());
    return undefined;
  });
  return worlds;
}

test('killed anywhere, it leaves nothing that the next one does not remove or record', async () => {
  const plain = await killed((watch) => take({ name: 'cut' }, watch));
  assert.ok(plain.length > 20, String(plain.length));
  host.become(installed);
  const worlds = [...plain, ...(await killed((watch) => take({ name: 'cut', compress: 'zstd' }, watch)))];
  // Also one that nobody records any more is whole, as far as somebody finds it by its name.
  const cut = relative(host.root, join(folders(), 'cut'));
  for (const [at, { folder }] of worlds.entries()) {
    const found = existsSync(join(folder, cut)) ? readdirSync(join(folder, cut)) : [];
    if (!found.some((name) => /\.sql(\.zst)?$/.test(name) && name.startsWith('tinydb'))) continue;
    for (const name of [globalsFile, ...Object.values(restoreFiles)])
      assert.ok(found.includes(name), `place ${at}: ${found.join(', ')}`);
  }
  // Each second one, with the first and the last: the disk is read and written in pairs.
  for (const [at, world] of worlds.entries()) {
    if (at % 2 === 1 && at < worlds.length - 1) continue;
    host.become(world);
    const entry = entryOf(await take({ name: 'next' }));
    const { backups, unknown } = await list();
    assert.deepEqual(unknown, [], `place ${at}`);
    for (const one of backups) assert.ok(one.whole, `place ${at}: ${one.name}`);
    assert.deepEqual(backups.map(({ name }) => name).toSorted(), names(), `place ${at}`);
    assert.ok(names().includes(basename(entry.name)));
  }
});

test('verify, killed anywhere, leaves no copy that the next one does not drop', async () => {
  entryOf(await take({ name: 'one' }));
  const worlds = await killed((watch) => verify('one', watch));
  assert.ok(worlds.some(({ cluster }) => Object.keys(cluster.database.beside ?? {}).length > 0));
  for (const world of worlds) {
    host.become(world);
    assert.notEqual(entryOf(await verify('one')).verified, null);
    assert.deepEqual(besides(), []);
  }
});

test('a stop ends it at once, and leaves nothing', async () => {
  let stopped = false;
  const watch: Watcher = (event) => {
    if (event.kind !== 'program' || !event.argv.includes('pg_dump') || event.phase !== 'during')
      return undefined;
    stopped = true;
    return 'SIGINT';
  };
  const { exitCode } = await take({}, watch);
  assert.ok(stopped);
  assert.ok([130, 143].includes(exitCode), String(exitCode));
  assert.deepEqual(names(), []);
});

interface Dated {
  backups: { name: string; pgDump: { takenAt: string } }[];
  pgDump: { takenAt: string };
}

/** As if it had been taken so many days ago. */
function aged(days: Record<string, number>): void {
  const at = (name: string) => new Date(Date.now() - (days[name] ?? 0) * 86_400_000).toISOString();
  const change = (path: string, edit: (data: Dated) => void) => {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Dated;
    edit(data);
    writeFileSync(path, JSON.stringify(data));
  };
  change(join(host.folder, '.installer/state.json'), (state) => {
    for (const one of state.backups) one.pgDump.takenAt = at(one.name);
  });
  for (const name of Object.keys(days))
    change(join(folders(), name, 'backup.json'), (record) => (record.pgDump.takenAt = at(name)));
}

test('prune removes what is old, once the newest was verified, and asks first', async () => {
  const days = { b1: 100, b2: 90, b3: 80, b4: 70, b5: 60, b6: 50, b7: 1 };
  for (const name of Object.keys(days)) entryOf(await take({ name }));
  refused(await prune(), 10, /no backup to remove/);
  aged(days);
  refused(await prune(), 3, /the newest backup, b7, was not verified/);
  entryOf(await verify('b7'));
  const dry = await prune({ dryRun: true });
  assert.deepEqual(
    ((dry.result?.data['removed'] ?? []) as string[]).map((one) => basename(one)),
    ['b2', 'b1'],
  );
  assert.equal(names().length, 7);
  refused(await prune({ yes: false }), 2, /no terminal/);
  refused(await prune({ yes: false }, { confirm: () => Promise.resolve(false) }), 1, /not confirmed/);
  assert.equal(names().length, 7);
  writeFileSync(join(folders(), 'b1', 'mine.txt'), 'of the operator');
  const ended = await prune({ yes: false }, { confirm: () => Promise.resolve(true) });
  assert.equal(ended.exitCode, 0, String(ended.error));
  assert.deepEqual(names(), ['b1', 'b3', 'b4', 'b5', 'b6', 'b7']);
  assert.deepEqual(readdirSync(join(folders(), 'b1')), ['mine.txt']);
  assert.deepEqual(
    (await list()).backups.map(({ name }) => name),
    ['b3', 'b4', 'b5', 'b6', 'b7'],
  );
});

test('a dump that breaks off, and a cluster that is away, leave nothing and are said', async () => {
  const broken = await take({ name: 'one' }, (event) =>
    event.kind === 'program' && event.argv.includes('pg_dump') && event.phase === 'during'
      ? new IvaapError('failed', 'the connection was lost', { hint: 'look at the pod' })
      : undefined,
  );
  refused(broken, 6, /the connection was lost/);
  const away = await take({ name: 'one' }, (event) =>
    event.kind === 'program' && event.argv.includes('version') && event.phase === 'before'
      ? refusedCall(event.argv)
      : undefined,
  );
  refused(away, 3, /API server/);
  assert.deepEqual(names(), []);
  assert.deepEqual((await list()).backups, []);
  entryOf(await take({ name: 'one' }));
  const lost = await verify('one', (event) =>
    event.kind === 'program' && event.argv.includes('-o') && event.phase === 'during'
      ? new IvaapError('failed', 'the connection was lost', { hint: 'look at the pod' })
      : undefined,
  );
  refused(lost, 6, /the connection was lost/);
  const [entry] = (await list()).backups;
  assert.equal(entry?.verified, null);
  assert.match(entry?.failed?.why ?? '', /the connection was lost/);
  assert.equal(entryOf(await verify('one')).failed, null);
  assert.deepEqual(besides(), []);
});

test('while an upgrade is unfinished it is taken, and the upgrade stays as it is', async () => {
  const failed = await host.run('upgrade', (event) =>
    event.kind === 'program' &&
    event.argv.some((word) => word.endsWith('/helm')) &&
    event.argv.includes('upgrade')
      ? new IvaapError('failed', 'Helm cannot be started')
      : undefined,
  );
  assert.notEqual(failed.exitCode, 0);
  const run = host.state()?.run;
  assert.notEqual(run?.status, 'completed');
  entryOf(await take({ name: 'between' }));
  entryOf(await verify('between'));
  assert.deepEqual(host.state()?.run, run);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.ok((await list()).backups.some(({ name }) => name === 'between'));
});

test('a backup is taken of an install that is not complete: its release is recorded where it is known', async () => {
  const back = await host.run('rollback', undefined, { step: 'health_server' });
  assert.equal(back.exitCode, 0, String(back.error));
  const rolledBack = host.copy();
  const one = await take();
  assert.equal(one.exitCode, 0, String(one.error));
  assert.deepEqual([entryOf(one).release, entryOf(one).rows], ['2026.1', 3]);
  assert.equal((await host.run('install', undefined, { resume: true })).exitCode, 0);
  assert.equal((await list()).backups.at(-1)?.name, entryOf(one).name);

  host.become(rolledBack);
  host.useFileOf('install', 'upgrade');
  const failed = await host.run(
    'install',
    failingHelm(() => host),
    { supersede: true },
  );
  const other = await take();
  host.use('install', 'none');
  assert.equal(failed.exitCode, 6);
  assert.equal(other.exitCode, 0, String(other.error));
  assert.equal(entryOf(other).release, null);
});
