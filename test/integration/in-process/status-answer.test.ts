import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import { queryStatus } from '../../../src/queries/status.ts';
import type { StatusReport } from '../../../src/queries/status-schema.ts';
import { unhealthyError, waitUntilHealthy } from '../../../src/queries/wait-healthy.ts';
import { faultsOf } from '../../../src/support/faults.ts';
import type { Facts } from '../../../src/support/collector.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { type Flow, SimulatedHost, type Watcher, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { refusedCall } from '../../fixtures/in-process-host/runner.ts';

/** "May I upgrade?" in the first two lines of `status`, and what a script is told of it. */

let host: SimulatedHost;
let empty: World;
let installed: World;
let upgraded: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
});
after(() => host.close());
beforeEach(() => {
  host.become(installed);
  host.ingress = undefined;
});

/** The process that held the lock is this one, and lives. */
async function asked(flow: Flow = 'install'): Promise<{ report: StatusReport; head: string[] }> {
  rmSync(join(host.folder, '.installer/lock'), { force: true });
  const report = await host.status(flow);
  return { report, head: statusLines(report).slice(0, 2) };
}

const exitOf = (report: StatusReport) => unhealthyError(report, './tiny')?.exitCode ?? 0;

/** A machine whose every call of kubectl is refused. */
const withoutCluster = () => ({
  ...host.machine('install'),
  createRunner: () => ({
    run: async (argv: readonly [string, ...string[]]) => {
      if (argv[1] !== '--version') throw refusedCall(argv);
      return {
        exitCode: 0,
        stdout: 'k3s version v1.34.4+k3s1 (abcdef)\n',
        stderr: '',
        stdinBytes: 0,
        durationMs: 0,
      };
    },
  }),
});

test('a healthy host says that its own file is installed already, and all that is asked first', async () => {
  const { report, head } = await asked();
  assert.equal(
    head[0],
    'may I upgrade? no: 2026.1 is already installed from this payload; try: for a newer release use its ' +
      'own file; to run every step again anyway: ./tiny install --upgrade --reapply',
  );
  assert.equal(
    head[1],
    '2026.1 installed, complete; last run: install 2026.1, completed; dump: none; schema: 1; health: ok',
  );
  assert.equal(exitOf(report), 0);
});

/** The worlds at places of a run, as if it were cut off there. */
async function worldsOf(flow: Flow, places: readonly string[]): Promise<Record<string, World>> {
  const worlds: Record<string, World> = {};
  await host.run(flow, (event) => {
    if (event.kind === 'place' && places.includes(event.place)) worlds[event.place] = host.copy();
    return undefined;
  });
  return worlds;
}

test('an uninstall that removed nothing stands against no upgrade, and is not the one to try', async () => {
  const worlds = await worldsOf('uninstall', ['uninstall_record:running']);
  host.become(worlds['uninstall_record:running']!);
  const { report: before, head } = await asked('upgrade');
  assert.match(head[0]!, /^may I upgrade\? yes/);
  const text = statusLines(before).join('\n');
  assert.equal(/to resume: .*uninstall/.test(text), false, text);
  assert.match(
    text,
    /nothing was removed, and an upgrade may be run: \.\/tiny install --upgrade --preflight-only\n +to uninstall it all the same: .* uninstall/,
  );
  const faults = faultsOf({ status: before } as Facts, { product: before } as never, './tiny');
  const [run] = faults.filter(({ title }) => title.startsWith('the last run'));
  assert.equal(run?.hint, './tiny install --upgrade --preflight-only');
});

test('a package that cannot upgrade names no upgrade after such an uninstall, but what ends it', async () => {
  const worlds = await worldsOf('uninstall', ['uninstall_record:running']);
  host.become(worlds['uninstall_record:running']!);
  const { report, head } = await asked('install');
  assert.match(
    head[0]!,
    /no: 2026\.1 is already installed .*, and its uninstall ended before it removed anything; try: to uninstall it all the same: .* uninstall; to run every step again anyway: .*--reapply$/,
  );
  assert.match(head[1]!, /last run: uninstall 2026\.1, was cut off/);
  const text = statusLines(report).join('\n');
  assert.doesNotMatch(text, /--preflight-only/);
  assert.match(text, /nothing was removed\n +to uninstall it all the same: .* uninstall/);
  const [run] = faultsOf({ status: report } as Facts, { product: report } as never, './tiny');
  assert.doesNotMatch(run?.hint ?? '', /uninstall|preflight-only/);
});

test('once an uninstall has begun to remove, only the uninstall is named', async () => {
  const places = ['uninstall_objects:running', 'uninstall_files:running'];
  const worlds = await worldsOf('uninstall', places);
  for (const place of places) {
    host.become(worlds[place]!);
    const { report, head } = await asked();
    assert.match(head[0]!, /no: the last run, uninstall of 2026\.1, was cut off.*; try: .* uninstall/, place);
    const text = statusLines(report).join('\n');
    assert.equal(text.includes('repair-state'), false, `${place}: ${text}`);
    const repair = await host.repair('install', { yes: true });
    assert.match(describeError(repair.error).hint ?? '', / uninstall/, place);
  }
});

test('an install before its values file is resumed, and its health is one word', async () => {
  host.become(empty);
  const worlds = await worldsOf('install', ['postgres:running']);
  host.become(worlds['postgres:running']!);
  const { report, head } = await asked();
  const text = statusLines(report).join('\n');
  assert.match(head[1]!, /health: NOT OK$/);
  assert.match(
    text,
    /\nhealth:\n +NOT OK: there is no Helm release\n +routes not asked: there is no \S+tiny\.values\.yaml\n +try: .* install/,
  );
  assert.equal(text.includes('repair-state'), false, text);
});

test('after a rollback it says so, and not that the install had failed', async () => {
  const back = await host.run('rollback', undefined, { step: 'postgres' });
  assert.equal(back.exitCode, 0);
  const { report, head } = await asked();
  const next = back.result?.data['next'];
  // One command, wherever it is asked for.
  assert.equal(report.upgrade.hint, next);
  const refused = await host.run('upgrade');
  assert.equal(
    describeError(refused.error).hint,
    `finish it with the program that started it: ${String(next)}` +
      `; or close it and install with this package: ./tiny install --supersede`,
  );
  assert.match(
    head[0]!,
    /no: the last run, install of 2026\.1, was rolled back to postgres.*; try: .* install/,
  );
  assert.match(head[1]!, /last run: install 2026\.1, was rolled back to postgres;/);
  const text = statusLines(report).join('\n');
  assert.match(text, /^last run: install 2026\.1, was rolled back to postgres, started/m);
  assert.equal(/failed/.test(text) || text.includes('repair-state'), false, text);
});

test('a newer package says yes, with the schema of the release that runs', async () => {
  const { report, head } = await asked('upgrade');
  assert.match(head[0]!, /^may I upgrade\? yes/);
  assert.deepEqual(report.schema, { known: true, value: { version: 1, target: null, helmByHand: null } });
});

test('after an upgrade it knows how old the dump is, where it lies, and when it is missing', async () => {
  host.become(upgraded);
  const { report, head } = await asked('upgrade');
  assert.match(
    head[1]!,
    /2026\.2 installed, complete; last run: upgrade 2026\.2, completed; dump: (\d+ m )?[\d.]+ s old; schema: 2;/,
  );
  const path = report.latestDump!.path;
  const text = statusLines(report, 60).join('\n');
  assert.ok(text.includes('paths in the state (derived keys):'), text);
  assert.match(text, new RegExp(`^ {2}pgDump\\.path +${path}$`, 'm'));
  assert.match(text, /^ {2}snapshot\.folder +\/.*\/backups\//m);
  const days = {
    ...report,
    at: new Date(Date.parse(report.latestDump!.takenAt) + 9.5 * 86_400_000).toISOString(),
  };
  assert.match(statusLines(days)[1]!, /dump: 9 days old/);
  const earlier = { ...report, at: '2000-01-01T00:00:00.000Z' };
  assert.match(statusLines(earlier)[1]!, /dump: of 20\d\d-/);
  rmSync(path);
  assert.match((await asked('upgrade')).head[1]!, /its file is missing now/);
});

test('the program of before says that a downgrade is refused', async () => {
  host.become(upgraded);
  const { report, head } = await asked('install');
  assert.match(head[0]!, /^may I upgrade\? no: .*2026\.2.*2026\.1/);
  assert.equal(report.upgrade.healthy, true);
  assert.equal(exitOf(report), 0);
});

test('nothing installed is exit 10, not waited for, and named', async () => {
  host.become(empty);
  const report = await waitUntilHealthy(
    { machine: host.machine('install'), signal: new AbortController().signal, program: './tiny' },
    { seconds: 3600, tell: () => assert.fail('it waited') },
  );
  assert.equal(report.upgrade.installed, false);
  assert.equal(exitOf(report), 10);
  assert.match(
    statusLines(report)[0]!,
    /may I upgrade\? no: nothing is installed on this host[^(]*; try: .*\.\/tiny install --help$/,
  );
});

test('an unfinished run says no, with the command that resumes it', async () => {
  const broken: Watcher = (event) =>
    event.kind === 'place' && event.place === 'upgrade_pg_backup:running'
      ? new IvaapError('failed', 'no room')
      : undefined;
  assert.equal((await host.run('upgrade', broken)).exitCode, 6);
  const { report, head } = await asked('upgrade');
  assert.match(head[0]!, /no: the last run, upgrade of 2026\.2, failed; try: \/.* install --upgrade$/);
  assert.match(head[1]!, /2026\.1 installed, complete; last run: upgrade 2026\.2, failed/);
  assert.equal(exitOf(report), 0);
  host.become(empty);
  const early: Watcher = (event) =>
    event.kind === 'place' && event.place === 'license:running' ? new IvaapError('failed', 'no') : undefined;
  assert.equal((await host.run('install', early)).exitCode, 6);
  const { report: second } = await asked();
  assert.equal(second.upgrade.installed, null);
  assert.equal(exitOf(second), 6);
});

test('a cluster that is down is not healthy and no yes, and nothing is guessed', async () => {
  rmSync(join(host.folder, '.installer/lock'), { force: true });
  const { signal } = new AbortController();
  const report = await queryStatus({ machine: withoutCluster(), signal, program: './tiny' });
  const head = statusLines(report).slice(0, 2).map(unmarked);
  assert.match(
    head[0]!,
    /^may I upgrade\? unknown: the cluster is not known: the Kubernetes API server does not answer.*try: systemctl status k3s/,
  );
  assert.match(head[1]!, /schema: not known; health: not known/);
  assert.equal(report.upgrade.healthy, null);
  assert.equal(exitOf(report), 6);
});

const harms: Record<string, { make: () => void; says: RegExp }> = {
  'a health route that does not answer': {
    make: () => (host.ingress = 503),
    says: /status 503/,
  },
  'a pod that is not ready': {
    make: () => {
      const pod = host.cluster.get('Pod', 'server-0', namespace)!;
      host.cluster.apply({ ...pod, status: { phase: 'Pending', conditions: [] } });
    },
    says: /server-0 is not ready \(Pending\)/,
  },
  'a Helm that nobody has ended': {
    make: () => {
      const secret = host.cluster.list('Secret', namespace, 'owner=helm')[0]!;
      const { release } = secret.data as { release: string };
      const record = { ...unpackRecord(release), status: 'pending-upgrade' };
      const labels = { ...secret.metadata.labels, status: 'pending-upgrade' };
      const data = { release: packRecord(record, 'tiny') };
      host.cluster.apply({ ...secret, metadata: { ...secret.metadata, labels }, data });
    },
    says: /Helm's revision 1 is pending-upgrade/,
  },
  'a database without a pod': {
    make: () => void host.cluster.delete('Pod', 'db-0', namespace),
    says: /the database is not known/,
  },
};

for (const [name, { make, says }] of Object.entries(harms)) {
  test(`${name} is named, and is exit 6`, async () => {
    make();
    const { report, head } = await asked();
    assert.notEqual(report.upgrade.may, 'yes');
    assert.match(unmarked(head[0]!), says);
    assert.equal(exitOf(report), 6);
    assert.match(unmarked(unhealthyError(report, './tiny')!.message), says);
  });
}

test('a pod that ends by itself never has to be ready', async () => {
  const pod = host.cluster.get('Pod', 'server-0', namespace)!;
  for (const phase of ['Pending', 'Running', 'Failed', 'Succeeded']) {
    host.cluster.apply({
      ...pod,
      metadata: { ...pod.metadata, name: `nightly-${phase.toLowerCase()}` },
      spec: { ...(pod['spec'] as object), restartPolicy: 'OnFailure' },
      status: { phase, conditions: [] },
    });
  }
  const { report, head } = await asked();
  assert.match(head[1]!, /health: ok$/);
  assert.equal(exitOf(report), 0);
});

test('a route that was waived does not count, and a state that is damaged is no yes', async () => {
  host.ingress = 301;
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8')) as { installed: object };
  const waived = [{ step: 'health_server', reason: 'TLS stands before it' }];
  writeFileSync(path, JSON.stringify({ ...state, installed: { ...state.installed, waived } }));
  assert.equal(exitOf((await asked()).report), 0);
  writeFileSync(path, '{');
  host.ingress = undefined;
  const { report, head } = await asked();
  assert.match(head[0]!, /^may I upgrade\? no: .*is damaged.*try: \.\/tiny repair-state/);
  assert.equal(exitOf(report), 0, 'the product itself is well');
  assert.match(head[1]!, /^installed: not known; last run: not known; dump: not known/);
});

test('--wait returns as soon as it is healthy, says once what it waits for, and ends with its time', async () => {
  rmSync(join(host.folder, '.installer/lock'), { force: true });
  host.ingress = 503;
  const ports = { machine: host.machine('install'), signal: new AbortController().signal, program: './tiny' };
  const told: string[] = [];
  let asks = 0;
  const counting = {
    ...ports,
    machine: {
      ...ports.machine,
      createRunner: (...settings: Parameters<typeof ports.machine.createRunner>) => {
        if ((asks += 1) === 3) host.ingress = undefined;
        return ports.machine.createRunner(...settings);
      },
    },
  };
  const report = await waitUntilHealthy(counting, { seconds: 3600, tell: (line) => void told.push(line) });
  assert.equal(report.upgrade.healthy, true);
  assert.equal(asks, 3);
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0]!, /waiting: .*503/);
  host.ingress = 503;
  const late = await waitUntilHealthy(ports, { seconds: 0, tell: () => {} });
  assert.equal(exitOf(late), 6);
});

test('Ctrl-C ends the wait', async () => {
  mkdirSync(host.folder, { recursive: true });
  host.ingress = 503;
  const stop = new AbortController();
  const reason = new IvaapError('interrupted', 'stopped by SIGINT');
  const ports = { machine: host.machine('install'), signal: stop.signal, program: './tiny' };
  const waiting = waitUntilHealthy(ports, { seconds: 3600, tell: () => stop.abort(reason) });
  await assert.rejects(waiting, reason);
});
