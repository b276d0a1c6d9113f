import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/**
 * A state that is lost, damaged or untrue: what every command says of it, and the one that brings the host
 * back under management.
 */

let host: SimulatedHost;
let installed: World;
let upgraded: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows = ['W-1', 'W-2'];
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
});
after(() => host.close());
beforeEach(() => {
  rmSync(join(host.root, 'fstab'), { force: true });
  host.become(installed);
});

const installer = () => join(host.folder, '.installer');
const stateFile = () => join(installer(), 'state.json');
const valuesFile = () => join(host.folder, 'tiny.values.yaml');
const schema = () => host.cluster.state.database.schema;

/** All of the product's files with their contents but the lock's text, and the cluster. */
const everything = () => ({
  files: readdirSync(host.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name !== 'lock')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${path} ${lstatSync(path).isFile() ? readFileSync(path, 'latin1') : ''}`),
  cluster: JSON.stringify(host.cluster.state),
});

function refusal({ exitCode, error }: Invocation, expected: number): { text: string; hint: string } {
  assert.ok(error instanceof IvaapError, String(error));
  assert.equal(exitCode, expected, error.message);
  const { hint = '', facts = [] } = error;
  return { text: [...causeChain(error), ...facts].join('\n'), hint };
}

async function assertRepaired(options: Parameters<SimulatedHost['repair']>[1] = {}): Promise<Invocation> {
  const repaired = await host.repair('upgrade', options);
  assert.equal(repaired.exitCode, 0, String(repaired.error));
  assert.equal(repaired.result?.data.repaired, true, repaired.result?.lines.join('\n'));
  assert.deepEqual(host.violations, []);
  return repaired;
}

async function assertUpgrades(options: Parameters<SimulatedHost['run']>[2] = {}): Promise<void> {
  const run = await host.run('upgrade', undefined, options);
  assert.equal(run.exitCode, 0, String(run.error));
  assert.deepEqual([host.state()?.installed?.version, schema()], ['2026.2', 2]);
}

const recordName = (revision: number) => `sh.helm.release.v1.tiny.v${revision}`;
function readRecord(revision: number) {
  const secret = host.cluster.get('Secret', recordName(revision), namespace)!;
  return unpackRecord((secret.data as { release: string }).release);
}
function writeRecord(record: ReturnType<typeof readRecord>): void {
  const { revision, status } = record;
  const labels = { owner: 'helm', name: 'tiny', status, version: String(revision) };
  host.cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: recordName(revision), namespace, labels },
    data: { release: packRecord(record, 'tiny') },
  });
}

const dumps = () =>
  existsSync(join(installer(), 'backups'))
    ? (readdirSync(join(installer(), 'backups'), { recursive: true }) as string[]).filter((name) =>
        name.endsWith('tinydb.sql'),
      )
    : [];

test('a state that is lost after a fresh install is named as such, and created again from the release', async () => {
  rmSync(stateFile());
  const { text, hint } = refusal(await host.run('upgrade'), 5);
  assert.match(text, /this installer made the installation on this host, but its state is lost/);
  assert.match(text, /volume tiny-db: made by this installer, data in .*storage/);
  assert.match(text, /Helm release tiny: 2026\.1, revision 1, deployed\n.*chart on disk: tiny-chart 2026\.1/);
  assert.equal(hint, './tiny repair-state');
  assert.equal(refusal(await host.run('install'), 3).hint, './tiny repair-state');
  const { host: says } = await host.status('upgrade');
  assert.equal(says?.advice.hint, './tiny repair-state');

  await assertRepaired();
  const { installed: made, repair } = host.state()!;
  assert.deepEqual([made?.version, made?.payloadDigest], ['2026.1', 'unknown']);
  assert.deepEqual(repair?.unknown, ['payload', 'key']);
  assert.equal((await host.status('upgrade')).host, null);
});

test('after a repair the next upgrade takes a dump that --skip-backup does not skip, and the one after may', async () => {
  rmSync(stateFile());
  await assertRepaired();
  const run = await host.run('upgrade', undefined, { skipBackup: true });
  assert.equal(run.exitCode, 0, String(run.error));
  assert.equal(dumps().length, 1);
  assert.deepEqual(host.state()?.skippedBackups, []);
  assert.match(JSON.stringify(run.shown), /--skip-backup is ignored/);
  host.become(installed);
  await assertUpgrades({ skipBackup: true });
  assert.deepEqual(dumps(), []);
});

const secret = 'root:$6$a-secret-of-the-link';
const damages: Record<string, { make(): void; says: RegExp }> = {
  empty: { make: () => writeFileSync(stateFile(), ''), says: /damaged[^]*it is empty/ },
  'cut off': {
    make: () => writeFileSync(stateFile(), readFileSync(stateFile()).subarray(0, 700)),
    says: /damaged[^]*700 characters are not complete JSON/,
  },
  'a folder': {
    make: () => {
      rmSync(stateFile());
      mkdirSync(stateFile());
      writeFileSync(join(stateFile(), 'inside'), 'kept');
    },
    says: /the state file .* is a folder, not a regular file/,
  },
  'a link': {
    make: () => {
      rmSync(stateFile());
      writeFileSync(join(host.root, 'secret'), secret);
      symlinkSync(join(host.root, 'secret'), stateFile());
    },
    says: /is a link, not a regular file: nothing is read or written through it/,
  },
  'a link that leads nowhere': {
    make: () => {
      rmSync(stateFile());
      symlinkSync(join(host.root, 'nowhere'), stateFile());
    },
    says: /is a link/,
  },
  "another product's": {
    make: () => writeFileSync(stateFile(), readFileSync(stateFile(), 'utf8').replace('"tiny"', '"other"')),
    says: /belongs to other, not to tiny/,
  },
};

for (const [name, { make, says }] of Object.entries(damages)) {
  test(`a state that is ${name} is refused by every command with the same message, kept, and created again`, async () => {
    make();
    for (const run of [await host.run('upgrade'), await host.run('install')]) {
      const { text, hint } = refusal(run, 3);
      assert.match(text, says);
      assert.equal(hint, './tiny repair-state');
      assert.ok(!text.includes('root:'), text);
    }
    const { state, host: advice } = await host.status('upgrade');
    assert.ok(!state.known);
    assert.equal(advice?.advice.hint, './tiny repair-state');
    const before = readdirSync(installer());
    await assertRepaired();
    const kept = readdirSync(installer()).filter((one) => !before.includes(one));
    assert.equal(kept.length, 1, kept.join());
    assert.match(kept[0]!, /^state\.json\.\d{8}T\d{6}Z$/);
    if (name === 'a link') assert.equal(readFileSync(join(host.root, 'secret'), 'utf8'), secret);
    if (name === 'a folder') assert.ok(existsSync(join(installer(), kept[0]!, 'inside')));
    assert.ok(!existsSync(join(host.root, 'nowhere')));
    assert.ok(lstatSync(stateFile()).isFile());
    await assertUpgrades();
  });
}

test('a state of a newer program is not replaced', async () => {
  writeFileSync(stateFile(), readFileSync(stateFile(), 'utf8').replace('"major": 1', '"major": 2'));
  const was = everything();
  assert.match(
    refusal(await host.repair('upgrade'), 5).text,
    /schema 2\.\d, and this program reads 1\.x only/,
  );
  assert.deepEqual(everything(), was);
});

test('a disk that is not mounted is asked for, by fstab or by a volume whose folder is away, and nothing is written', async () => {
  const away = join(host.root, 'away');
  for (const how of ['fstab', 'volume'] as const) {
    host.become(installed);
    renameSync(host.folder, away);
    mkdirSync(host.folder);
    if (how === 'fstab') writeFileSync(join(host.root, 'fstab'), `UUID=1 ${host.folder} xfs defaults 0 0\n`);
    else {
      const volume = host.cluster.get('PersistentVolume', 'tiny-db')!;
      host.cluster.apply({ ...volume, spec: { hostPath: { path: join(host.folder, 'postgres') } } });
    }
    for (const run of [await host.run('upgrade'), await host.run('install'), await host.repair('upgrade')]) {
      const { text, hint } = refusal(run, 3);
      assert.match(text, /the disk that holds .*product does not seem to be mounted/);
      assert.match(hint, how === 'fstab' ? /^mount .*product$/ : /^lsblk/);
    }
    assert.match((await host.status('upgrade')).host?.advice.message ?? '', /does not seem to be mounted/);
    assert.deepEqual(readdirSync(host.folder), []);
    rmSync(join(host.root, 'fstab'), { force: true });
    rmSync(host.folder, { recursive: true });
    renameSync(away, host.folder);
  }
});

test('a cluster that was created again next to an old folder is not mistaken for an install that resumes', async () => {
  host.become(upgraded);
  writeFileSync(join(host.root, 'storage', 'PG_VERSION'), '15');
  for (const key of Object.keys(host.cluster.state.objects)) {
    if (!key.startsWith('Node/')) delete host.cluster.state.objects[key];
  }
  rmSync(stateFile());
  assert.match(refusal(await host.run('install'), 3).text, /already exists/);
  const was = everything();
  assert.match(refusal(await host.repair('upgrade'), 3).text, /there is nothing to manage/);
  assert.deepEqual(everything(), was);
});

test('an install that had not completed resumes with its own package, and not over data of before', async () => {
  for (const [database, exit] of [
    [0, 0],
    [1, 0],
    [-1, 5],
  ] as const) {
    host.become(installed);
    writeRecord({ ...readRecord(1), status: 'failed', description: 'Install failed' });
    rmSync(stateFile());
    writeFileSync(join(host.root, 'storage', 'PG_VERSION'), '15');
    host.cluster.state.database.schema = database;
    const repaired = await host.repair('install');
    assert.equal(repaired.exitCode, exit, String(repaired.error));
    if (exit !== 0) continue;
    assert.deepEqual([host.state()?.installed, host.state()?.run?.flow], [undefined, 'install']);
    const goesOn = await host.run('install');
    assert.equal(goesOn.exitCode, 0, String(goesOn.error));
    assert.equal(host.state()?.installed?.version, '2026.1');
  }
});

test('what this installer did not make stays refused with exit 5 and its guide, also by the repair', async () => {
  rmSync(installer(), { recursive: true });
  host.cluster.get('Namespace', namespace)!.metadata.labels = {};
  for (const run of [await host.run('upgrade'), await host.repair('upgrade')]) {
    const { text, hint } = refusal(run, 5);
    assert.match(text, /this installer did not install it/);
    assert.equal(hint, 'follow the guide "Upgrade from before"');
  }
  assert.ok(!existsSync(installer()));
});

test('without its complete folder the host is managed again from what the cluster says', async () => {
  rmSync(installer(), { recursive: true });
  await assertRepaired();
  await assertUpgrades();
});

test('after a completed upgrade the copy from the middle of that run is not taken as its end', async () => {
  host.become(upgraded);
  const anchor = host.state()!.anchors['2026.1']!.derived.pgDump;
  const { payloadDigest } = host.state()!.installed!;
  writeFileSync(stateFile(), '{');
  await assertRepaired();
  const state = host.state()!;
  assert.deepEqual([state.installed?.version, state.installed?.payloadDigest], ['2026.2', payloadDigest]);
  assert.deepEqual(state.anchors['2026.1']?.derived.pgDump, anchor);
  assert.equal(state.run, undefined);
  assert.equal(refusal(await host.run('upgrade'), 10).hint.includes('--reapply'), true);
});

/** As the guide for a restore has it: the old release by Helm's own rollback, the database from the dump. */
function rollBack({ dumpToo }: { dumpToo: boolean }): void {
  writeRecord({ ...readRecord(2), status: 'superseded' });
  writeRecord({ ...readRecord(1), revision: 3, status: 'deployed', description: 'Rollback to 1' });
  if (dumpToo) host.cluster.state.database.schema = 1;
}

test('a host that was restored by hand is not "installed already": the repair says what it is again, and it upgrades', async () => {
  host.become(upgraded);
  rollBack({ dumpToo: true });
  for (const options of [{}, { reapply: true }]) {
    const { text, hint } = refusal(await host.run('upgrade', undefined, options), 3);
    assert.match(text, /the state says (that )?2026\.2/);
    assert.match(text, /2026\.1/);
    assert.match(hint, /\.\/tiny repair-state/);
  }
  await assertRepaired();
  const { installed: now, history, anchors } = host.state()!;
  assert.equal(now?.version, '2026.1');
  assert.deepEqual(history.at(-1)?.flow, 'repair-state');
  assert.ok(anchors['2026.1'] !== undefined);
  const before = dumps();
  await assertUpgrades({ skipBackup: true });
  assert.equal(dumps().length, before.length + 1);
  assert.equal(host.state()?.anchors['2026.1']?.earlier?.length, 1);
});

test('a dump that was restored after its upgrade had completed opens both ways again', async () => {
  for (const file of ['install', 'upgrade'] as const) {
    host.become(upgraded);
    host.cluster.state.database.schema = 1;
    // The program that restores removes what would migrate again.
    host.cluster.delete('Deployment', 'server', namespace);
    host.cluster.delete('Pod', 'server-0', namespace);
    const older = await host.run('upgrade', undefined, { supersede: true }, { file: 'install' });
    assert.match(refusal(older, 5).hint, /where the dump of 2026\.1 was restored: \.\/tiny repair-state/);
    const repaired = await host.repair(file);
    assert.equal(repaired.exitCode, 0, String(repaired.error));
    const { run, installed: last } = host.state()!;
    assert.deepEqual([last?.version, run?.to, run?.status], ['2026.1', '2026.2', 'failed']);
    const waive = ['ingress=restored'];
    const options = file === 'install' ? { supersede: true, waive } : { waive };
    const run2 = await host.run('upgrade', undefined, options, { file });
    assert.equal(run2.exitCode, 0, String(run2.error));
    const expected = file === 'install' ? ['2026.1', 1] : ['2026.2', 2];
    assert.deepEqual([host.state()?.installed?.version, schema()], expected);
    assert.ok(host.cluster.get('Deployment', 'server', namespace) !== undefined);
  }
});

test('a release that was rolled back over a schema that stayed is an upgrade that is not finished, not 2026.1', async () => {
  host.become(upgraded);
  rollBack({ dumpToo: false });
  const was = everything();
  const older = refusal(await host.repair('install'), 5);
  assert.match(older.text, /schema version 2 is newer than those of 2026\.1/);
  assert.deepEqual(everything(), was);
  const proposal = await host.repair('upgrade', { dryRun: true });
  assert.match(proposal.result?.lines.join('\n') ?? '', /the schema has moved from version 1 to 2/);
  assert.deepEqual(everything(), was);
  await assertRepaired();
  const { run, installed: last } = host.state()!;
  assert.deepEqual(
    [last?.version, run?.to, run?.status, run?.from],
    ['2026.1', '2026.2', 'failed', '2026.1'],
  );
  assert.equal(run?.pointOfNoReturn?.data.schemaVersion, 1);
  assert.match(refusal(await host.run('install'), 3).text, /already installed on this host/);
  await assertUpgrades();
});

test("Helm's only record gone: one command, and the next upgrade installs over what has the release's labels", async () => {
  for (const lost of [false, true]) {
    host.become(installed);
    host.cluster.delete('Secret', 'sh.helm.release.v1.tiny.v1', namespace);
    if (lost) rmSync(stateFile());
    else {
      const { text, hint } = refusal(await host.run('upgrade'), 3);
      assert.match(text, /it is missing, although the state says that it is installed/);
      assert.match(hint, /\.\/tiny repair-state/);
      assert.match(
        (await host.status('upgrade')).host?.advice.message ?? '',
        /Helm has no record of the release/,
      );
    }
    await assertRepaired();
    const uid = host.cluster.get('Deployment', 'server', namespace)?.metadata.uid;
    await assertUpgrades();
    assert.equal(host.cluster.get('Deployment', 'server', namespace)?.metadata.uid, uid);
    assert.notEqual(host.state()?.helm?.emptied, true);
  }
});

test('a run that was cut off after it had removed the only record resumes, and so does --reapply', async () => {
  for (const reapply of [false, true]) {
    host.become(installed);
    writeRecord({ ...readRecord(1), status: 'pending-install', updated: '2026-01-01T00:00:00Z' });
    const cut = await host.run('upgrade', (event) =>
      event.kind === 'program' && event.phase === 'before' && event.argv[1] === 'install'
        ? Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' })
        : undefined,
    );
    assert.equal(cut.exitCode, 6, String(cut.error));
    assert.deepEqual(
      [host.cluster.list('Secret', namespace, 'owner=helm').length, host.state()?.helm?.emptied],
      [0, true],
    );
    assert.equal((await host.status('upgrade')).host, null);
    await assertUpgrades({ reapply });
  }
});

test('the record of the very release that is in the file can be made again too', async () => {
  host.become(upgraded);
  for (const { metadata } of host.cluster.list('Secret', namespace, 'owner=helm')) {
    host.cluster.delete('Secret', metadata.name, namespace);
  }
  assert.equal(refusal(await host.run('upgrade'), 3).hint, './tiny repair-state');
  await assertRepaired();
  await assertUpgrades();
});

test('a values file that is missing after a fresh install comes back with what Helm deployed', async () => {
  const deployed = readFileSync(valuesFile(), 'utf8');
  rmSync(valuesFile());
  const { text, hint } = refusal(await host.run('upgrade'), 3);
  assert.match(text, /the values file .* is missing/);
  assert.equal(hint, './tiny repair-state');
  const state = host.state();
  await assertRepaired();
  assert.deepEqual(host.state(), state);
  for (const line of deployed.trim().split('\n')) {
    assert.ok(readFileSync(valuesFile(), 'utf8').includes(line.replaceAll('"', '').split(':')[0]!), line);
  }
  assert.equal(lstatSync(valuesFile()).mode & 0o777, 0o600);
  await assertUpgrades();
});

test('a state that says what the host says is left alone', async () => {
  const was = everything();
  const { exitCode, result } = await host.repair('upgrade');
  assert.equal(exitCode, 0);
  assert.match(result?.lines.join() ?? '', /Nothing to repair: the state matches the host: 2026\.1/);
  assert.deepEqual(everything(), was);
});

test('a release whose upgrade failed, was cut off or was never good is reported as such', async () => {
  for (const status of ['failed', 'pending-upgrade']) {
    host.become(upgraded);
    writeRecord({ ...readRecord(1), status: 'deployed' });
    writeRecord({ ...readRecord(2), status, updated: '2026-01-01T00:00:00Z', description: 'Upgrade' });
    rmSync(stateFile());
    const repaired = await assertRepaired();
    assert.match(
      repaired.result!.lines.join('\n'),
      new RegExp(`an upgrade to 2026\\.2 is unfinished \\(.*${status}\\)`),
    );
    const { installed: last, run, anchors } = host.state()!;
    assert.deepEqual([last?.version, run?.from, run?.to], ['2026.1', '2026.1', '2026.2']);
    assert.ok(anchors['2026.1']?.derived.pgDump !== undefined);
    await assertUpgrades();
  }
  host.become(installed);
  writeRecord({ ...readRecord(1), status: 'failed' });
  assert.match((await host.repair('upgrade')).result?.lines.join() ?? '', /Nothing to repair: .*2026\.1/);
});

test('it asks on a terminal, refuses without one, and a dry run or a no changes nothing', async () => {
  rmSync(stateFile());
  const was = everything();
  assert.match(refusal(await host.repair('upgrade', { yes: false }), 2).hint, /--dry-run/);
  const no = { confirm: async () => false };
  refusal(await host.repair('upgrade', { yes: false }, no), 1);
  assert.equal((await host.repair('upgrade', { dryRun: true })).exitCode, 0);
  assert.deepEqual(everything(), was);
  const asked: string[] = [];
  const changing = async (question: string) => {
    asked.push(question);
    // A colleague's Helm ends while the question waits.
    if (asked.length === 1) host.cluster.state.database.schema = 0;
    return true;
  };
  const { exitCode, shown } = await host.repair('upgrade', { yes: false }, { confirm: changing });
  assert.equal(exitCode, 0);
  assert.deepEqual(asked, ['Write this state?', 'Write this state?']);
  assert.match(JSON.stringify(shown), /the host has changed since the question was asked/);
});

test('a repair that is cut off at any change leaves a state from which the same command resumes', async () => {
  for (let cut = 1; ; cut += 1) {
    host.become(installed);
    writeFileSync(stateFile(), 'damaged');
    let seen = 0;
    const full = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    const run = await host.repair('upgrade', {}, {}, (event) =>
      event.kind === 'file' && (seen += 1) === cut ? full : undefined,
    );
    if (run.exitCode === 0) break;
    assert.ok(existsSync(stateFile()), `cut at ${cut}`);
    const again = await host.repair('upgrade');
    assert.equal(again.exitCode, 0, `cut at ${cut}: ${String(again.error)}`);
    assert.equal(host.state()?.installed?.version, '2026.1');
    assert.ok(cut < 200);
  }
});

test('preflight alone reports on a host that is up to date', async () => {
  host.become(upgraded);
  const { exitCode, shown, error } = await host.run('upgrade', undefined, { preflightOnly: true });
  assert.equal(exitCode, 0, String(error));
  assert.ok(shown.some(({ type }) => type === 'preflight.report'));
  refusal(await host.run('upgrade'), 10);
});
