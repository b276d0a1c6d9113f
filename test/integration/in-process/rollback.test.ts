import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { queryBackups } from '../../../src/queries/backup-list.ts';
import { backupLines } from '../../../src/ui/backup-text.ts';
import { planBrief } from '../../../src/ui/plan-text.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { fullDiskFrom, noApiFrom, signalAt } from '../../fixtures/in-process-host/faults.ts';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import { fingerprint } from '../../fixtures/in-process-host/dry-run.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { claim, namespace } from '../../fixtures/in-process-host/product.ts';

/** `install --rollback-to STEP` over a simulated host: what it removes, keeps and refuses. */

let host: SimulatedHost;
let empty: World;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1', 'Troll A-2', 'Troll B-1');
  installed = host.copy();
});
beforeEach(() => {
  host.use('install', 'none');
  host.become(installed);
});
after(() => host.close());

type Options = Parameters<SimulatedHost['run']>[2];
type Run = Parameters<SimulatedHost['run']>;
const rollback = (step: string, options: Options = {}, given: Run[3] = {}, watch?: Run[1]) =>
  host.run('rollback', watch, { step, ...options }, given);
const said = ({ error }: Invocation) => describeError(error).message;
const hintOf = ({ error }: Invocation) => describeError(error).hint ?? '';
const dataOf = ({ result }: Invocation) => result?.data as Record<string, string | null>;
/** All that a refusal must leave as it is; whoever comes writes its name into the lock, and a receipt. */
function all(): string[] {
  const sums = Object.entries(fingerprint(host)).map(([name, content]) => {
    return `${name} ${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  });
  const passed = /^\.installer\/(lock|scan-receipt\.json) /;
  return [...sums.filter((line) => !passed.test(line)), ...readdirSync(host.root)].sort();
}
const passwords = () =>
  host.cluster
    .list('Secret', namespace)
    .filter(({ metadata }) => metadata.name.startsWith('tiny-'))
    .map(({ metadata, data }) => [metadata.name, data]);
const valuesFile = () => join(host.folder, 'tiny.values.yaml');

async function refused(ended: Invocation, exitCode: number, message: RegExp, hint: RegExp): Promise<void> {
  assert.equal(ended.exitCode, exitCode, said(ended));
  assert.match(said(ended), message);
  assert.match(hintOf(ended), hint);
}

test('postgres: a verified dump first, the folder is renamed, and the next install begins there', async () => {
  const before = passwords();
  const ended = await rollback('postgres');
  assert.equal(ended.exitCode, 0, said(ended));
  const { dump, removedData, next } = dataOf(ended);
  assert.match(readFileSync(String(dump), 'utf8'), /Troll B-1/);
  assert.match(String(removedData), /storage\.removed-\d{8}T\d{6}Z$/);
  assert.equal(readFileSync(join(String(removedData), 'PG_VERSION'), 'utf8'), '15\n');
  assert.ok(!existsSync(join(host.root, 'storage')));
  assert.match(String(next), /^(sudo )?\/\S+ install --resume$/);
  const { run, installed: release, suspended, history } = host.state()!;
  assert.deepEqual([run?.flow, run?.status, release, suspended], ['install', 'failed', undefined, undefined]);
  assert.deepEqual(Object.keys(run!.steps), ['preflight', 'license', 'namespace', 'secrets']);
  assert.equal(run?.rollbacks?.[0]?.to, 'postgres');
  assert.deepEqual([history.at(-1)?.flow, history.at(-1)?.status], ['rollback', 'completed']);
  assert.deepEqual(passwords(), before);
  const text = statusLines(await host.status('install')).join('\n');
  assert.match(text, /no completed install\npartly installed: preflight, license, namespace, secrets/);
  assert.match(text, /rolled back to postgres/);
  assert.equal((await host.status('install')).waysOut?.forward, next, 'one command, wherever it is named');

  const again = await host.run('install', undefined, { resume: true });
  assert.equal(again.exitCode, 0, said(again));
  const ran = again.shown.flatMap((event) => (event.type === 'step.completed' ? [event.step] : []));
  assert.equal(ran[0], 'postgres');
  assert.deepEqual(readdirSync(join(host.root, 'storage')), []);
  assert.deepEqual(host.cluster.state.database.rows, []);
  assert.equal(host.state()?.installed?.version, '2026.1');
  assert.deepEqual(host.violations, []);
});

test('a dump that a killed rollback has written stays a backup, beside the one of the next try', async () => {
  let killed: World | undefined;
  await rollback('postgres', {}, {}, (event) => {
    if (event.kind === 'place' && event.place === 'rollback_pg_backup:dump-written') killed ??= host.copy();
    return undefined;
  });
  host.become(killed!);
  const ended = await rollback('postgres');
  assert.equal(ended.exitCode, 0, said(ended));
  const { backups = [] } = host.state()!;
  assert.deepEqual(
    backups.map(({ rollbackTo, pgDump }) => [rollbackTo, pgDump?.['rows']]),
    [
      ['postgres', 4],
      ['postgres', 4],
    ],
  );
  for (const { folder } of backups) assert.ok(existsSync(join(folder, 'backup.json')), folder);
  const folders = readdirSync(join(host.folder, '.installer/backups'));
  assert.deepEqual(folders.sort(), backups.map(({ name }) => name).sort());
  assert.equal(backups.at(-1)?.pgDump?.['path'], dataOf(ended).dump);
});

test('rows that came after its dump are dumped when a rollback goes on, or nothing is undone', async () => {
  const lossy = { acceptDataLoss: true };
  let killed: World | undefined;
  await rollback('postgres', lossy, {}, (event) => {
    if (event.kind === 'place' && event.place === 'undo_helm_deploy:running') killed ??= host.copy();
    return undefined;
  });
  host.become(killed!);
  host.cluster.state.database.rows.push('Gullfaks A-1');
  const served = host.copy();
  const ended = await rollback('postgres', lossy);
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(readFileSync(String(dataOf(ended).dump), 'utf8'), /Gullfaks A-1/);

  host.become(served);
  host.cluster.delete('Pod', 'db-0', namespace);
  await refused(await rollback('postgres', lossy), 3, /no last dump can be taken/, /--skip-backup/);
  assert.ok(host.cluster.get('StatefulSet', 'db', namespace));
  const agreed = await rollback('postgres', { ...lossy, skipBackup: true });
  assert.equal(agreed.exitCode, 0, said(agreed));
});

test('secrets: their contents stay, readable by root only, until an install is complete', async () => {
  const before = passwords();
  const ended = await rollback('secrets');
  const kept = String(dataOf(ended).keptSecrets);
  assert.deepEqual(passwords(), []);
  assert.equal(statSync(kept).mode & 0o777, 0o600);
  const cut = await host.run('install', signalAt('values:running', 'SIGINT').watch, { resume: true });
  assert.equal(cut.exitCode, 130);
  assert.deepEqual(passwords(), before, 'the same as before');
  assert.ok(existsSync(kept));
  const done = await host.run('install', undefined, { resume: true });
  assert.equal(done.exitCode, 0, said(done));
  assert.ok(!existsSync(kept));
  assert.equal(host.state()?.keptSecrets, undefined);
  assert.ok(!JSON.stringify(host.state()).includes('secrets.json'));
});

test('the kept secrets are taken up by a fixed package as well', async () => {
  const before = passwords();
  await rollback('secrets');
  host.useFileOf('install', 'upgrade');
  const done = await host.run('install', undefined, { supersede: true });
  assert.equal(done.exitCode, 0, said(done));
  assert.deepEqual(passwords(), before);
});

test('without consent it is refused with what would be lost, after the plan was shown, and nothing is changed', async () => {
  const was = all();
  const ended = await rollback('helm_deploy', { acceptDataLoss: false });
  await refused(
    ended,
    2,
    /^undoing helm_deploy loses data: the database tinydb \(about 3 rows, .*; never dumped\)$/,
    /^\.\/tiny install --rollback-to helm_deploy --accept-data-loss$/,
  );
  const path = join(host.folder, '.installer/state.json');
  const text = readFileSync(path, 'utf8');
  const pgDump = {
    folder: '/b/x',
    path: '/b/x/tinydb.sql',
    sizeBytes: 1,
    sha256: 'a'.repeat(64),
    rows: 3,
    owner: 'tiny',
    schemaVersion: 1,
    takenAt: '2026-02-03T04:05:06.000Z',
  };
  const at = pgDump.takenAt;
  const backup = { at, name: 'x', folder: '/b/x', version: '2026.1', pgDump };
  writeFileSync(path, JSON.stringify({ ...JSON.parse(text), backups: [backup] }));
  const dumped = await rollback('helm_deploy', { acceptDataLoss: false });
  assert.match(said(dumped), /; last dumped 2026-02-03T04:05:06.000Z to \/b\/x\/tinydb.sql\)/);
  writeFileSync(path, text);
  const shown = ended.shown.find(({ type }) => type === 'run.plan');
  assert.ok(shown?.type === 'run.plan');
  assert.match(planBrief(shown.plan).join('\n'), /undo_helm_deploy: removes the Helm release tiny with all/);
  assert.deepEqual(all(), was);
  const planned = await rollback('postgres', { acceptDataLoss: false, dryRun: true });
  assert.equal(planned.exitCode, 2);
  assert.deepEqual(
    planned.result?.plan?.steps.map(({ id }) => id),
    [
      'rollback_halt',
      'rollback_pg_backup',
      'undo_health_server',
      'undo_helm_deploy',
      'undo_load_images',
      'undo_chart',
      'undo_values',
      'undo_postgres',
    ],
  );
  assert.match(JSON.stringify(planned.result?.plan), /is renamed to .*storage\.removed-TIME, not deleted/);
  assert.deepEqual(all(), was);
});

test('what loses no data needs no consent and takes no dump', async () => {
  host.become(empty);
  await host.run('install', signalAt('load_images:running', 'SIGINT').watch);
  const ended = await rollback('values', { acceptDataLoss: false });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(dataOf(ended).dump, null);
  assert.ok(!existsSync(valuesFile()));
  assert.ok(existsSync(join(host.root, 'storage')));
});

test('an edited values file is kept, and the next install starts from it', async () => {
  writeFileSync(valuesFile(), `${readFileSync(valuesFile(), 'utf8')}extra: "of the operator"\n`);
  const ended = await rollback('values');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(dataOf(ended).keptFiles, [valuesFile()]);
  assert.equal((await host.run('install', undefined, { resume: true })).exitCode, 0);
  assert.match(readFileSync(valuesFile(), 'utf8'), /of the operator/);
});

const foreign: Record<string, { put: () => void; step: string; names: RegExp }> = {
  'an object of others in the namespace': {
    put: () =>
      host.cluster.apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'dashboards', namespace },
      }),
    step: 'namespace',
    names: /the namespace tiny holds what .* not made: configmap\/dashboards/,
  },
  'a claim of another owner': {
    put: () => {
      const found = host.cluster.get('PersistentVolumeClaim', claim, namespace)!;
      found.metadata.labels = { 'app.kubernetes.io/managed-by': 'argocd' };
    },
    step: 'postgres',
    names: /persistentvolumeclaim \S+ does not have the labels .*managed-by is argocd/,
  },
  'a pod of others that mounts the claim': {
    put: () => {
      const spec = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] };
      host.cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'psql', namespace }, spec });
    },
    step: 'postgres',
    names: /pod\/psql mounts the claim \S+, and this installer has not made it/,
  },
  'an object of the release that others own now': {
    put: () => {
      const found = host.cluster.get('ConfigMap', 'config', namespace)!;
      delete found.metadata.annotations;
    },
    step: 'helm_deploy',
    names: /configmap\/config is in the Helm release tiny, but belongs to others now/,
  },
  'a file in the folder of the chart': {
    put: () => writeFileSync(join(host.folder, 'TinyChart/notes.txt'), 'mine'),
    step: 'chart',
    names: /TinyChart\/notes\.txt is in the chart's folder, and this installer has not written it/,
  },
};
for (const [name, { put, step, names }] of Object.entries(foreign)) {
  test(`${name} stops it by name before anything is removed`, async () => {
    put();
    const was = all();
    const ended = await rollback(step);
    await refused(ended, 3, names, /(k3s kubectl|mv) /);
    assert.deepEqual(all(), was);
  });
}

test('a namespace that was there before the install stays, with what others have in it', async () => {
  host.become(empty);
  const labels = { team: 'wells', 'app.kubernetes.io/part-of': 'wells' };
  host.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  host.cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'dashboards', namespace } });
  const begun = await host.run('install', signalAt('values:running', 'SIGINT').watch);
  assert.equal(begun.exitCode, 130, said(begun));
  const marked = { ...labels, 'app.kubernetes.io/managed-by': 'tiny' };
  assert.deepEqual(host.cluster.get('Namespace', namespace)?.metadata.labels, marked);
  const ended = await rollback('namespace');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(host.cluster.get('Namespace', namespace)?.metadata.labels, labels);
  assert.equal(host.state()?.run?.steps['namespace'], undefined);
  assert.ok(host.cluster.get('ConfigMap', 'dashboards', namespace));
  assert.deepEqual(passwords(), []);
});

test('a data folder that was there before the install is there again, empty and as it was', async () => {
  host.become(empty);
  const folder = join(host.root, 'storage');
  mkdirSync(folder, { mode: 0o750 });
  chmodSync(folder, 0o750);
  assert.equal((await host.run('install')).exitCode, 0);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const was = host.copy();
  writeFileSync(join(folder, 'PG_VERSION'), '15\n');
  const withData = await rollback('postgres');
  assert.equal(withData.exitCode, 0, said(withData));
  assert.ok(existsSync(join(String(dataOf(withData).removedData), 'PG_VERSION')));
  assert.deepEqual([readdirSync(folder), statSync(folder).mode & 0o777], [[], 0o750]);
  host.become(was);
  const ended = await rollback('postgres', { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual([readdirSync(folder), statSync(folder).mode & 0o777], [[], 0o750]);
});

test('a data folder that a link has replaced stops it by name, and the hint puts it back', async () => {
  const folder = join(host.root, 'storage');
  const moved = join(host.root, 'moved');
  renameSync(folder, moved);
  symlinkSync(moved, folder);
  const was = all();
  const refusal = await rollback('postgres');
  await refused(
    refusal,
    3,
    /storage is a link to .*moved now/,
    /--rollback-to helm_deploy; then: rm \S+ && mv -T/,
  );
  assert.match(hintOf(refusal), /\nthen: \.\/tiny install --rollback-to postgres/);
  assert.match(hintOf(refusal), /instead: \.\/tiny uninstall$/);
  assert.deepEqual(all(), was);
  rmSync(folder);
  renameSync(moved, folder);
  assert.equal((await rollback('postgres')).exitCode, 0);
});

test('with nothing to roll back the hint is a command that can be typed', async () => {
  host.become(empty);
  const hint = /^to install 2026\.1: \.\/tiny install --help$/;
  for (const dryRun of [false, true])
    await refused(await rollback('values', { dryRun }), 5, /no install to roll back/, hint);
});

test('bad input is refused by name, and nothing is changed', async () => {
  host.become(empty);
  await host.run('install', signalAt('values:running', 'SIGINT').watch);
  const partly = host.copy();
  host.become(installed);
  await host.run('upgrade', signalAt('upgrade_chart_swap:running', 'SIGINT').watch);
  const upgrading = host.copy();
  await host.run('upgrade');
  const upgraded = host.copy();
  const rows: [string, World, string, number, RegExp, RegExp][] = [
    ['no state', empty, 'values', 5, /no install to roll back on this host/, /tiny install --help$/],
    ['unknown step', installed, 'postgress', 2, /postgress is no step/, /install --rollback-to postgres$/],
    ['an upgrade’s step', installed, 'upgrade_helm', 2, /is a step of an upgrade/, /tiny /],
    [
      'not reached',
      partly,
      'helm_deploy',
      10,
      /has not reached helm_deploy: .* values/,
      /--rollback-to values$/,
    ],
    [
      'unfinished upgrade',
      upgrading,
      'values',
      5,
      /an upgrade to 2026\.2 .* not finished/,
      /install --upgrade$/m,
    ],
    ['completed upgrade', upgraded, 'values', 5, /an upgrade to 2026\.2 was started/, /tiny uninstall$/],
  ];
  for (const [name, world, step, exitCode, message, hint] of rows) {
    host.become(world);
    const was = all();
    await refused(await rollback(step), exitCode, message, hint).catch((error: Error) => {
      throw new Error(name, { cause: error });
    });
    assert.deepEqual(all(), was, name);
  }
});

test('another package, and the state of another product, are refused', async () => {
  host.useFileOf('install', 'upgrade');
  await refused(await rollback('values'), 5, /is of 2026\.1, and this package is 2026\.2/, /--rollback-to/);
  host.use('install', 'none');
  const path = join(host.folder, '.installer/state.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"product": "tiny"', '"product": "other"'));
  await refused(await rollback('values'), 3, /belongs to other/, /./);
});

test('an unfinished rollback is finished first, by the command that every refusal names', async () => {
  const cut = await host.run('rollback', signalAt('undo_values:running', 'SIGINT').watch, {
    step: 'secrets',
  });
  assert.equal(cut.exitCode, 130, said(cut));
  assert.equal(host.state()?.suspended?.flow, 'install');
  assert.equal(host.state()?.suspended?.installed, undefined);
  const was = all();
  const others = [
    await host.run('install'),
    await host.run('install', undefined, { resume: true }),
    await host.run('install', undefined, { supersede: true }),
    await host.run('upgrade'),
    await rollback('values'),
  ];
  for (const ended of others) {
    await refused(
      ended,
      5,
      /a rollback of the install of 2026\.1 to secrets was started .* not finished/,
      /^to finish it: \S+ install --rollback-to secrets\n.*: \.\/tiny uninstall$/,
    );
  }
  assert.deepEqual(all(), was);
  assert.match((await host.status('install')).waysOut?.forward ?? '', /^\S+ install --rollback-to secrets$/);
  assert.equal((await rollback('secrets')).exitCode, 0);
  assert.equal((await host.run('install')).exitCode, 0);
});

test('a rollback that has undone nothing is over when anything else starts, and all is as before', async () => {
  const installedBefore = host.state()!.installed;
  const cut = await rollback('secrets', {}, {}, signalAt('rollback_pg_backup:running', 'SIGINT').watch);
  assert.equal(cut.exitCode, 130, said(cut));
  const idle = host.copy();
  const { suspended, installed: now } = host.state()!;
  assert.deepEqual([now, suspended?.installed, suspended?.status], [undefined, installedBefore, 'completed']);
  assert.match(statusLines(await host.status('install')).join('\n'), /installed: 2026\.1, completed/);
  const was = all();
  await refused(await host.run('install'), 3, /2026\.1 is already installed on this host/, /status$/);
  const planned = await host.run('upgrade', undefined, { dryRun: true });
  assert.equal(planned.exitCode, 0, said(planned));
  assert.deepEqual(all(), was, 'a refusal and a dry run leave the state as it is');

  const upgraded = await host.run('upgrade');
  assert.equal(upgraded.exitCode, 0, said(upgraded));
  const { installed: release, history, suspended: left } = host.state()!;
  assert.deepEqual([release?.version, left], ['2026.2', undefined]);
  assert.deepEqual(
    history.slice(-2).map(({ flow, status }) => [flow, status]),
    [
      ['rollback', 'superseded'],
      ['install', 'completed'],
    ],
  );

  host.use('install', 'none');
  host.become(idle);
  const other = await rollback('helm_deploy');
  assert.equal(other.exitCode, 0, said(other));
  assert.ok(host.state()!.run?.steps['secrets'], 'only what the second STEP names is undone');
  assert.equal(host.state()!.run?.rollbacks?.[0]?.to, 'helm_deploy');

  host.become(idle);
  assert.equal((await rollback('secrets')).exitCode, 0);
  assert.ok(!('installed' in host.state()!.run!));
});

test('a rollback that an older program suspended is left as well: its install continues', async () => {
  await rollback('secrets', {}, {}, signalAt('rollback_pg_backup:running', 'SIGINT').watch);
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8'));
  delete state.suspended.installed;
  state.suspended.status = 'failed';
  writeFileSync(path, JSON.stringify(state));
  const before = passwords();
  const ended = await host.run('install', undefined, { resume: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(passwords(), before);
  assert.deepEqual([host.state()?.installed?.version, host.state()?.suspended], ['2026.1', undefined]);
});

test('a cluster that goes down in the middle: exit 6, and the same command finishes it', async () => {
  for (const place of ['undo_helm_deploy:running', 'undo_postgres:running', 'undo_secrets:secrets-kept']) {
    host.become(installed);
    const down = await host.run('rollback', noApiFrom(place, 400).watch, { step: 'namespace' });
    assert.equal(down.exitCode, 6, `${place}: ${said(down)}`);
    assert.ok(hintOf(down) !== '', place);
    const ended = await rollback('namespace');
    assert.equal(ended.exitCode, 0, `${place}: ${said(ended)}`);
    assert.equal(host.cluster.get('Namespace', namespace), undefined);
  }
});

test('a disk that is full while the dump is written: exit 6, and nothing was removed', async () => {
  const disturbance = fullDiskFrom('rollback_pg_backup:running', { journal: false });
  const full = await host.run('rollback', disturbance.watch, { step: 'namespace' });
  assert.equal(full.exitCode, 6, said(full));
  assert.match(hintOf(full), /\nto continue without a dump: .* --rollback-to namespace .*--skip-backup$/);
  assert.ok(host.cluster.get('Deployment', 'server', namespace));
  assert.equal(passwords().length, 3);
  assert.equal((await rollback('namespace')).exitCode, 0);
});

test('typed twice at the same time, the second one is refused', async () => {
  let second: Invocation | undefined;
  const confirm = async (question: string) => {
    assert.match(question, /^Undo health_server, helm_deploy of the install of 2026\.1\?$/);
    second = await rollback('helm_deploy');
    return true;
  };
  const first = await rollback('helm_deploy', { yes: false }, { confirm });
  assert.equal(second?.exitCode, 9);
  assert.equal(first.exitCode, 0, said(first));
});

test('a question that is answered with no leaves everything as it is', async () => {
  const was = all();
  assert.equal((await rollback('helm_deploy', { yes: false }, { confirm: async () => false })).exitCode, 1);
  assert.deepEqual(all(), was);
});

test('a database that cannot be dumped stops it, and --skip-backup is recorded', async () => {
  host.cluster.delete('Pod', 'db-0', namespace);
  const was = all();
  await refused(await rollback('postgres'), 3, /no last dump can be taken/, /--skip-backup$/);
  assert.deepEqual(all(), was);
  const ended = await rollback('postgres', { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(dataOf(ended).dump, null);
  assert.equal(host.state()?.skippedBackups.length, 1);
});

test('a last dump that is gone when a rollback goes on: one flag leads on, and the data are still there', async () => {
  const cut = await host.run('rollback', signalAt('undo_helm_deploy:verified', 'SIGINT').watch, {
    step: 'postgres',
  });
  assert.equal(cut.exitCode, 130, said(cut));
  const dump = host.state()!.run!.steps['rollback_pg_backup']?.out?.pgDump as { path: string };
  rmSync(dump.path);
  const gone = await rollback('postgres');
  await refused(gone, 6, /./, /to continue without a dump: .* --rollback-to postgres .*--skip-backup$/);
  assert.equal(readFileSync(join(host.root, 'storage/PG_VERSION'), 'utf8'), '15\n');
  const ended = await rollback('postgres', { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(readFileSync(join(String(dataOf(ended).removedData), 'PG_VERSION'), 'utf8'), '15\n');
  assert.equal(host.state()?.skippedBackups.length, 1);
});

test('a data folder that is away is not "no data": without a dump only the operator goes on', async () => {
  const storage = join(host.root, 'storage');
  renameSync(storage, `${storage}.away`);
  host.cluster.delete('Pod', 'db-0', namespace);
  const was = all();
  await refused(
    await rollback('postgres'),
    3,
    /^no last dump can be taken: the database's folder \S+storage does not exist$/,
    /^ls -ld .*\nto continue without a dump: .*--skip-backup$/,
  );
  const asked = await rollback('postgres', { acceptDataLoss: false });
  await refused(asked, 2, /how many rows and bytes is not known: .* does not exist/, /--accept-data-loss/);
  assert.deepEqual(all(), was);

  // An empty mount point looks like an empty folder.
  mkdirSync(storage);
  writeFileSync(join(host.root, 'fstab'), `UUID=1 ${storage} xfs defaults 0 0\n`);
  for (const options of [{}, { skipBackup: true }]) {
    await refused(
      await rollback('postgres', options),
      3,
      /^nothing is removed: the disk of .*storage is not mounted/,
      /^mount \S+storage$/m,
    );
  }
  await refused(await rollback('helm_deploy'), 3, /no last dump can be taken: the disk of/, /^mount /);
  rmSync(join(host.root, 'fstab'));
  rmSync(storage, { recursive: true });
  const ended = await rollback('postgres', { skipBackup: true });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.equal(readFileSync(`${storage}.away/PG_VERSION`, 'utf8'), '15\n');
});

test('an install takes over no folder with data that is not recorded as its own', async () => {
  await rollback('postgres');
  const moved = join(host.root, 'storage');
  mkdirSync(moved);
  writeFileSync(join(moved, 'PG_VERSION'), '15\n');
  const ended = await host.run('install', undefined, { resume: true });
  await refused(
    ended,
    3,
    /storage is not empty, and it is not recorded as this install's/,
    /^to keep .* mv /,
  );
  assert.ok(ended.error instanceof IvaapError);
  assert.equal(readFileSync(join(moved, 'PG_VERSION'), 'utf8'), '15\n');
});

test('data that appear while an install runs end it with 6: something was changed already', async () => {
  await rollback('secrets');
  const storage = join(host.root, 'storage');
  const put = (event: HostEvent) => {
    if (event.kind === 'place' && event.place === 'postgres:running') {
      mkdirSync(storage, { recursive: true });
      writeFileSync(join(storage, 'PG_VERSION'), '15\n');
    }
    return undefined;
  };
  const ended = await host.run('install', put, { resume: true });
  await refused(ended, 6, /storage is not empty, and it is not recorded as this install's/, /^to keep/);
  assert.equal(readFileSync(join(storage, 'PG_VERSION'), 'utf8'), '15\n');
});

test('a state that an older program wrote, without the answers, is rolled back as well', async () => {
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8'));
  state.schema.minor = 3;
  delete state.run.answers;
  delete state.run.originals;
  delete state.run.steps.postgres.out.volume.found;
  writeFileSync(path, JSON.stringify(state));
  const ended = await rollback('namespace');
  assert.equal(ended.exitCode, 0, said(ended));
  const again = await host.run('install', undefined, { resume: true });
  assert.equal(again.exitCode, 0, said(again));
});

const listed = () =>
  queryBackups({
    machine: host.machine('install'),
    emit: () => {},
    signal: new AbortController().signal,
    program: './tiny',
  } as never);

test('the dump of a rollback stays listed, and its rows come back by the command that is named', async () => {
  const rows = [...host.cluster.state.database.rows];
  const ended = await rollback('postgres');
  assert.equal(ended.exitCode, 0, said(ended));
  const { backups } = await listed();
  const [own] = backups;
  assert.deepEqual([own?.kind, own?.release, own?.rows, backups.length], ['rollback', '2026.1', 4, 1]);
  assert.match(
    backupLines(own!).join('\n'),
    /of a rollback, .*\n.*\n {2}release {2}2026\.1, schema version 1/,
  );
  const command = `./tiny restore ${own?.name}`;
  const lines = ended.result?.lines.join('\n') ?? '';
  assert.ok(lines.includes(`  rows     to bring them back once an install is complete: ${command}`), lines);

  host.cluster.state.database = { schema: 1, rows: [] };
  const anew = await host.run('install');
  assert.equal(anew.exitCode, 0, said(anew));
  const summary = anew.result?.lines.join('\n') ?? '';
  assert.ok(summary.includes(`to bring back the 4 rows from before the rollback: ${command}`), summary);
  const complete = host.copy();
  const back = await host.run(
    'restore',
    undefined,
    { backup: own?.name, confirm: namespace },
    { file: 'install' },
  );
  assert.equal(back.exitCode, 0, said(back));
  assert.deepEqual(host.cluster.state.database.rows, rows);
  const later = await listed();
  assert.deepEqual(later.backups.find(({ name }) => name === own?.name)?.kind, 'rollback');
  assert.deepEqual(later.unknown, []);
  assert.equal((await rollback('health_server')).exitCode, 5);

  // Nothing is missing where an install goes on with the data that are there.
  host.become(complete);
  assert.equal((await rollback('health_server')).exitCode, 0);
  const resumed = await host.run('install', undefined, { resume: true });
  assert.doesNotMatch(resumed.result?.lines.join('\n') ?? '', /from before the rollback/);
});

test('a backup without the chart of its release brings back the data alone where the schema fits, and says so', async () => {
  await rollback('postgres');
  const [own] = (await listed()).backups;
  host.cluster.state.database = { schema: 2, rows: [] };
  host.useFileOf('install', 'upgrade');
  const anew = await host.run('install', undefined, { supersede: true });
  assert.equal(anew.exitCode, 0, said(anew));
  const complete = host.copy();
  const options = { backup: own?.name, confirm: namespace };
  const back = await host.run('restore', undefined, options);
  assert.equal(back.exitCode, 0, said(back));
  assert.match(
    JSON.stringify(back.shown),
    /a dump of 2026\.1, whose chart is not kept on this host: 2026\.2 stays/,
  );
  assert.deepEqual([back.result?.data.dataOnly, back.result?.data.version], [true, '2026.2']);

  host.become(complete);
  host.cluster.state.database.schema = 0;
  const refused = await host.run('restore', undefined, options);
  assert.equal(refused.exitCode, 5, said(refused));
  assert.match(said(refused), /has schema version 1, and 2026\.2 works with 0: .*Nothing was changed/);
});

test('a rollback that touches no data says so', async () => {
  const ended = await rollback('health_server');
  assert.match(ended.result?.lines.join('\n') ?? '', /^ {2}dump {5}none: the data stay as they are$/m);
});
