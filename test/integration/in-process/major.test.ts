import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, type IvaapError } from '../../../src/errors.ts';
import { takeBackup } from '../../../src/flows/backup/take.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import {
  type Invocation,
  SimulatedHost,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { goesToOtherMajor, namespace } from '../../fixtures/in-process-host/product.ts';
import { liveData } from '../../fixtures/in-process-host/servers.ts';

/** An upgrade to another major version of PostgreSQL: what stands against it, goes wrong, and leads back. */

let host: SimulatedHost;
let installed: World;
const then = ['Troll A-1', 'Troll A-2'];
const later = 'Gullfaks A-1';

before(async () => {
  host = await SimulatedHost.start({}, goesToOtherMajor);
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...then);
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error as IvaapError | undefined)?.hint ?? '';
const warned = ({ shown }: Invocation) =>
  shown.flatMap((event) => ('line' in event ? [String(event.line)] : [])).join('\n');
const folders = () =>
  readdirSync(host.root)
    .filter((name) => name.startsWith('storage'))
    .map((name) => name.replace(/\d{8}T\d{6}Z/, 'TIME'));
const statusText = async () => statusLines(await host.status('upgrade')).join('\n');
const major = () => Number(readFileSync(join(host.root, 'storage/pgdata/PG_VERSION'), 'utf8'));
const tags = () => host.cluster.imageTags(namespace);

/** The old release runs on the old data, whatever was tried. */
function assertAsBefore(): void {
  assert.deepEqual([major(), tags(), host.cluster.state.database.schema], [15, ['2026.1', '2026.1'], 1]);
  assert.equal(host.state()?.installed?.version, '2026.1');
}

/** Does something once, at a place of the journal. */
const at = (place: string, work: () => void): Watcher => {
  let done = false;
  return (event) => {
    if (done || event.kind !== 'place' || event.place !== place) return undefined;
    done = true;
    work();
    return undefined;
  };
};

test('a dry run says what becomes of the data, and changes nothing', async () => {
  const ended = await host.run('upgrade', undefined, { dryRun: true });
  assert.equal(ended.exitCode, 0, said(ended));
  const text = JSON.stringify(ended.result?.plan);
  assert.match(text, /start PostgreSQL 17 on the new folder .*storage\.pg17-new/);
  assert.match(text, /stop PostgreSQL 15, keep .*storage beside it with \.pg15-TIME in its name/);
  assert.match(text, /without rollback \(the old server cannot read the data\)/);
  assert.match(
    JSON.stringify(ended.shown),
    /its data go to 17 by dump and restore, into a new folder beside/,
  );
  assert.deepEqual(folders(), ['storage']);
  assertAsBefore();
});

test('--skip-backup is ignored: the dump takes the data along', async () => {
  const ended = await host.run('upgrade', undefined, { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(warned(ended), /--skip-backup is ignored: the dump takes the data to PostgreSQL 17/);
  assert.deepEqual(host.state()?.skippedBackups, []);
  assert.deepEqual([major(), liveData(host.cluster).rows], [17, then]);
});

test('a row that comes after the dump is found before the switch: the old release runs on, and the next run takes it along', async () => {
  const ended = await host.run(
    'upgrade',
    at('upgrade_pg_load:loaded', () => host.cluster.state.database.rows.push(later)),
  );
  assert.equal(ended.exitCode, 6, said(ended));
  assert.match(said(ended), /others have written into the database since its dump: public\.wells has 3 rows/);
  assert.match(warned(ended), /the data are PostgreSQL 15's still: .*StatefulSet\/db|Deployment\/server/);
  assertAsBefore();
  const again = await host.run('upgrade');
  assert.equal(again.exitCode, 0, said(again));
  assert.deepEqual([major(), liveData(host.cluster).rows], [17, [...then, later]]);
});

test('a row that came while the stopped database was started by hand is not left behind', async () => {
  let killed: World | undefined;
  const stopped = await host.run(
    'upgrade',
    at('upgrade_pg_switch:database-stopped', () => (killed = host.copy())),
  );
  assert.equal(stopped.exitCode, 0, said(stopped));
  host.become(killed!);
  host.cluster.state.database.rows.push(later);
  const scale = (replicas: number) => {
    const database = host.cluster.get('StatefulSet', 'db', namespace)!;
    host.cluster.apply({ ...database, spec: { ...(database.spec as object), replicas } }, namespace);
  };
  scale(1);
  scale(0);
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 6, said(refused));
  assert.match(said(refused), /was started and stopped again since it was compared/);
  assert.match(hintOf(refused), /install --upgrade$/);
  const again = await host.run('upgrade');
  assert.equal(again.exitCode, 0, said(again));
  assert.deepEqual([major(), liveData(host.cluster).rows], [17, [...then, later]]);
});

test('a folder of others in the place of the new one stays as it is', async () => {
  const theirs = join(host.root, 'storage.pg17-new');
  mkdirSync(theirs);
  writeFileSync(join(theirs, 'theirs'), 'theirs');
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 6, said(ended));
  assert.match(hintOf(ended), /mv .*storage\.pg17-new/);
  assert.equal(readFileSync(join(theirs, 'theirs'), 'utf8'), 'theirs');
  assertAsBefore();
});

test('a Helm that fails after the switch is exit 8, whatever the schema is; forward or back it ends well', async () => {
  let image: (typeof host.cluster.state.images)[string] | undefined;
  const ended = await host.run(
    'upgrade',
    failingHelm(
      () => host,
      () => (image ??= host.cluster.state.images['registry.example/tiny/server:2026.2']),
    ),
  );
  assert.equal(ended.exitCode, 8, said(ended));
  assert.match(
    said(ended),
    /The data are PostgreSQL 17's since then, which the server of 2026\.1 cannot read/,
  );
  assert.match((ended.error as IvaapError).wayBack?.join('\n') ?? '', /tiny restore$/m);
  host.cluster.state.images['registry.example/tiny/server:2026.2'] = image!;
  const failed = host.copy();
  const again = await host.run('upgrade');
  assert.equal(again.exitCode, 0, said(again));
  assert.deepEqual([major(), liveData(host.cluster).rows], [17, then]);
  host.become(failed);
  const back = await host.run('restore');
  assert.equal(back.exitCode, 0, said(back));
  assertAsBefore();
  assert.deepEqual(folders(), ['storage', 'storage.pg17-TIME']);
});

test('another backup does not bring a release back whose server cannot read the data', async () => {
  const taken = await host.command('upgrade', ['backup'], (ports) =>
    takeBackup({ name: 'by-hand', output: undefined, compress: undefined }, ports).then(() => ({
      lines: [],
      data: {},
    })),
  );
  assert.equal(taken.exitCode, 0, said(taken));
  assert.equal((await host.run('upgrade')).exitCode, 0);
  const refused = await host.run('restore', undefined, { backup: 'by-hand' });
  assert.equal(refused.exitCode, 5, said(refused));
  assert.match(said(refused), /works with PostgreSQL 15, and the data are of another major version/);
  assert.match(hintOf(refused), /restore\n.*--data-only/);
  assert.equal(major(), 17);
});

test('without its old folder the old release does not come back, and nothing is stopped', async () => {
  assert.equal((await host.run('upgrade')).exitCode, 0);
  for (const name of readdirSync(host.root).filter((one) => one.startsWith('storage.pg15')))
    rmSync(join(host.root, name), { recursive: true });
  const refused = await host.run('restore');
  assert.equal(refused.exitCode, 5, said(refused));
  assert.match(
    said(refused),
    /its own data folder .*storage\.pg15-\w+ is not there any more\. Nothing was changed/,
  );
  assert.deepEqual([major(), tags()], [17, ['2026.2', '2026.2']]);
});

test('an older data folder comes back by its name, with its rows and its release', async () => {
  assert.equal((await host.run('upgrade')).exitCode, 0);
  liveData(host.cluster).rows.push(later);
  assert.equal((await host.run('restore')).exitCode, 0);
  const first = readdirSync(host.root).find((name) => name.startsWith('storage.pg17')) ?? '';
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.equal((await host.run('restore')).exitCode, 0);
  assertAsBefore();
  const status = await statusText();
  assert.ok(status.includes(`restore --undo ${first}`), status);
  const back = await host.run('restore', undefined, { undo: true, backup: first });
  assert.equal(back.exitCode, 0, said(back));
  assert.deepEqual(
    [major(), liveData(host.cluster).rows, tags()],
    [17, [...then, later], ['2026.2', '2026.2']],
  );
  assert.ok(!(await statusText()).includes(`restore --undo ${first}`));
  const gone = await host.run('restore', undefined, { undo: true, backup: first });
  assert.equal(gone.exitCode, 2, said(gone));
});

test('an install of another package over data of another major version is refused before anything is changed', async () => {
  assert.equal((await host.run('rollback', undefined, { step: 'health_server' })).exitCode, 0);
  host.useFileOf('install', 'upgrade');
  const state = host.state();
  for (const options of [{ supersede: true }, { supersede: true, dryRun: true }]) {
    const refused = await host.run('install', undefined, options);
    assert.equal(refused.exitCode, 5, said(refused));
    assert.match(
      said(refused),
      /are of PostgreSQL 15, and 2026\.2 runs PostgreSQL 17, which cannot read them/,
    );
    const hint = hintOf(refused);
    assert.match(
      hint,
      /^to finish 2026\.1: \S+ install (--dry-run )?--resume\nand then to take its data along: .* --upgrade\n/,
    );
    assert.match(
      hint,
      /to begin anew \(a last dump .*: \S+ install (--dry-run )?--rollback-to postgres --accept-data-loss\n/,
    );
    assert.match(hint, /and then: \.\/tiny install (--dry-run )?--supersede/);
  }
  assert.deepEqual([host.state(), major(), tags()], [state, 15, ['2026.1', '2026.1']]);

  host.use('install', 'none');
  const unfinished = host.copy();
  assert.equal((await host.run('install', undefined, { resume: true })).exitCode, 0);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.deepEqual([major(), liveData(host.cluster).rows], [17, then]);

  host.become(unfinished);
  assert.equal((await host.run('rollback', undefined, { step: 'postgres' })).exitCode, 0);
  host.useFileOf('install', 'upgrade');
  const anew = await host.run('install', undefined, { supersede: true });
  host.use('install', 'none');
  assert.equal(anew.exitCode, 0, said(anew));
  assert.equal(major(), 17);
});
