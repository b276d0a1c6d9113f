import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { unnamed } from '../../beside/beside.ts';
import { IvaapError } from '../../../src/errors.ts';
import { bundleSchema } from '../../../src/support/bundle-schema.ts';
import { supportBundle } from '../../../src/support/support-bundle.ts';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';
import { refusedCall } from '../../fixtures/in-process-host/runner.ts';
import {
  type Bundle,
  bundleOf,
  bundlePorts,
  filesOf,
  machineWith,
  releaseLock,
} from '../../fixtures/support-bundle.ts';

/** A support bundle of hosts that are well or broken: its first page names the fault. */

let host: SimulatedHost;
let installed: World;
let empty: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
});
after(() => host.close());
beforeEach(() => {
  host.become(installed);
  host.ingress = undefined;
});

/** What the first page says is wrong, as its reader sees it. */
const firstFault = ({ index }: Bundle) =>
  /<ol class="faults">\n<li class="(\w+)">.*?<br><b>(.*?)<\/b>/s.exec(index)?.slice(1) ?? [];

const missing = ({ result }: Bundle) =>
  result.collected.flatMap((part) => (part.missing === undefined ? [] : [`${part.id}: ${part.missing}`]));

test('a host that is well has every part, and no fault', async () => {
  const bundle = await bundleOf(host);
  assert.deepEqual(missing(bundle), []);
  assert.deepEqual(bundle.result.faults, []);
  assert.match(bundle.index, /Nothing was found\./);
  assert.match(
    bundle.index,
    /<th>Status<\/th><td>may I upgrade\? .*<\/td>[^]*2026\.1 installed, complete; last run: /,
  );
  bundleSchema.parse(JSON.parse(JSON.stringify(bundle.result)));
  for (const name of [
    'index.html',
    'bundle.json',
    'status/status.txt',
    'state/state.json',
    'state/files.txt',
    'preflight/preflight.txt',
    'versions/versions.txt',
    'pods/pods.txt',
    'pods/events.txt',
    'pods/objects.yaml',
    'pod-logs/server-0.server.log',
    'helm/history.txt',
    'helm/values-of-revision-1.yaml',
    'helm/values-file.yaml',
    'database/database.txt',
    'images/names.txt',
    'images/containers.txt',
    'disk/room.txt',
    'kernel/memory.txt',
    'k3s-service/journal.txt',
    'k3s-service/certificates.txt',
    'cluster/objects.yaml',
    'cluster/keys.txt',
    'other-pods/pods.txt',
    'usage/node.txt',
    'system/processes.txt',
    'system/load.txt',
    'network/resolv.conf',
    'network/ports.txt',
  ]) {
    assert.ok(bundle.files.has(name), `${name} of ${[...bundle.files.keys()].join(' ')}`);
  }
  assert.ok([...bundle.files.keys()].some((name) => /^run-logs\/.*-install\.jsonl$/.test(name)));
  assert.deepEqual(unnamed(bundle.files, 'ours'), [], 'no kind of test/beside/kinds.ts names them');
  assert.match(bundle.files.get('preflight/preflight.txt')!, /checks? ok/);
  assert.match(bundle.files.get('database/database.txt')!, /schema version: 1\n/);
  assert.deepEqual(host.violations, []);
});

test('the page loads nothing from anywhere and runs nothing', async () => {
  const { index } = await bundleOf(host);
  assert.doesNotMatch(index, /<script|<img|<link|<iframe|src=|url\(|@import|javascript:/i);
  for (const [, target] of index.matchAll(/href="([^"]*)"/g)) assert.match(target!, /^(#|[a-z0-9-]+\/)/);
  assert.match(index, /Content-Security-Policy" content="default-src 'none'/);
});

const pod = (name: string) => host.cluster.get('Pod', name, namespace)!;

function crashing(name: string): void {
  const { spec, ...rest } = pod(name);
  const last = { terminated: { reason: 'Error', exitCode: 1 } };
  const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s restarting' } };
  const status = { name: 'server', image: 'i', imageID: 'sha256:1', ready: false, restartCount: 9 };
  host.cluster.apply({
    ...rest,
    spec,
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [{ ...status, state, lastState: last }],
    },
  });
}

function helmIs(status: string): void {
  const secret = host.cluster.list('Secret', namespace, 'owner=helm')[0]!;
  const { release } = secret.data as { release: string };
  const data = { release: packRecord({ ...unpackRecord(release), status }, 'tiny') };
  const labels = { ...secret.metadata.labels, status };
  host.cluster.apply({ ...secret, metadata: { ...secret.metadata, labels }, data });
}

/** The API server refuses; k3s itself and containerd answer. */
const down = (argv: readonly [string, ...string[]]) => {
  if (argv[1] === 'kubectl') throw refusedCall(argv);
  return undefined;
};

test('cluster down: the API server is named first, and all that needs no API server is there', async () => {
  const bundle = await bundleOf(host, down);
  assert.deepEqual(firstFault(bundle), ['certain', 'the Kubernetes API server does not answer']);
  assert.equal(bundle.result.faults[0]!.hint, 'systemctl status k3s');
  assert.deepEqual(bundle.result.faults.filter(({ title }) => title.includes('API server')).length, 1);
  // What most parts miss stands there once, with a link to each of them.
  const [section = ''] = /<h2>What is missing<\/h2>.*?<\/ul>/s.exec(bundle.index) ?? [];
  assert.equal(section.match(/API server does not answer/g)?.length, 1, section);
  assert.match(section, /href="#pods".* · <a href="#helm"/);
  for (const name of [
    'state/state.json',
    'disk/room.txt',
    'images/names.txt',
    'images/containers.txt',
    'k3s-service/journal.txt',
  ])
    assert.ok(bundle.files.has(name), name);
  assert.ok(
    missing(bundle).some((line) => line.startsWith('pods: the Kubernetes API server does not answer')),
  );
});

test('full disk: it comes before the database that has stopped with it', async () => {
  const storage = join(host.root, 'storage');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'full', storage]);
  try {
    writeFileSync(join(storage, 'fill'), Buffer.alloc(1024 * 1024 - 8192));
    host.cluster.delete('Pod', 'db-0', namespace);
    const bundle = await bundleOf(host);
    const [certainty, title] = firstFault(bundle);
    assert.equal(certainty, 'certain');
    assert.match(title!, new RegExp(`^the disk at ${storage} is full: .* free of 1.00 MiB`));
    assert.ok(bundle.result.faults.some((fault) => fault.title.startsWith('the database does not answer')));
  } finally {
    execFileSync('umount', [storage]);
  }
});

test('crash loop: the workload, with what it said last', async () => {
  crashing('server-0');
  const said = (argv: readonly string[]) =>
    argv.includes('logs') ? 'Traceback: no such column wells.depth\n' : undefined;
  const bundle = await bundleOf(host, said);
  const [certainty, title] = firstFault(bundle);
  assert.equal(certainty, 'certain');
  assert.match(title!, /server.*(CrashLoopBackOff|crash|keeps ending|exit code 1)/i);
  assert.ok(bundle.result.faults[0]!.facts.some((line) => line.includes('no such column wells.depth')));
  assert.ok(bundle.files.has('pod-logs/server-0.server.previous.log'));
});

test('Helm pending: nobody works on the revision', async () => {
  helmIs('pending-upgrade');
  const bundle = await bundleOf(host);
  assert.deepEqual(firstFault(bundle), [
    'certain',
    'Helm&#39;s revision 1 is pending-upgrade, and nobody is working on it',
  ]);
  // The first page does not send its reader to the command that has made it.
  const [about = ''] = /<table class="about">.*?<\/table>/s.exec(bundle.index) ?? [];
  assert.match(about, /may I upgrade\? no: Helm&#39;s revision 1 is pending-upgrade<\/td>/);
});

test('no database: it is named, with the pods to look at', async () => {
  host.cluster.delete('Pod', 'db-0', namespace);
  const bundle = await bundleOf(host);
  const [certainty, title] = firstFault(bundle);
  assert.equal(certainty, 'certain');
  assert.match(title!, /^the database does not answer: /);
});

test('on an empty host, and on one with a damaged state, it says that', async () => {
  writeFileSync(join(host.folder, '.installer/state.json'), '{"schema": ');
  const damaged = await bundleOf(host);
  assert.match(firstFault(damaged)[1]!, /state\.json is damaged/);
  assert.equal(damaged.files.get('state/state.json')!.trim(), '{"schema":');
  host.become(empty);
  assert.match(firstFault(await bundleOf(host))[1]!, /nothing is installed on this host/);
});

test('what the kernel ended for want of memory is likely a cause', async () => {
  const said = (argv: readonly string[]) =>
    argv[0] === 'dmesg' ? 'x\n2026-01-01 Out of memory: Killed process 7 (java)\n' : undefined;
  const bundle = await bundleOf(host, said);
  assert.match(firstFault(bundle)[1]!, /want of memory/);
  assert.match(bundle.index, /Killed process 7 \(java\)/);
});

test('what may refuse a pod or cut it off is there, whoever made it', async () => {
  const made = [
    { kind: 'ValidatingWebhookConfiguration', metadata: { name: 'guard' } },
    { kind: 'LimitRange', metadata: { name: 'small', namespace } },
    { kind: 'NetworkPolicy', metadata: { name: 'closed', namespace } },
  ];
  for (const one of made) host.cluster.apply({ apiVersion: 'v1', ...one });
  const objects = (await bundleOf(host)).files.get('cluster/objects.yaml')!;
  for (const { kind, metadata } of made)
    assert.match(objects, new RegExp(`kind: ${kind}[^]*name: ${metadata.name}`));
});

test("other people's pods are named and say nothing; those of k3s say what they said last", async () => {
  const { metadata: _, ...rest } = pod('server-0');
  for (const namespace of ['kube-system', 'payroll']) {
    const name = `of-${namespace}`;
    host.cluster.apply({ ...rest, metadata: { name, namespace } } as never);
    host.cluster.apply({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { kind: 'Pod', name },
      reason: 'Seen',
      message: `said of ${namespace}`,
    } as never);
  }
  const said = (argv: readonly string[]) =>
    argv.includes('logs') ? `a line of ${argv.find((word) => word.startsWith('of-'))}\n` : undefined;
  const { files, all } = await bundleOf(host, said);
  const listed = files.get('other-pods/pods.txt')!;
  assert.match(listed, /^kube-system +of-kube-system +Running +ready +0 restarts$/m);
  assert.match(listed, /^payroll +of-payroll +Running +ready/m);
  assert.doesNotMatch(listed, /server-0/);
  assert.match(files.get('other-pods/of-kube-system.server.log')!, /a line of of-kube-system/);
  assert.match(files.get('other-pods/events.txt')!, /said of kube-system/);
  assert.doesNotMatch(all, /said of payroll|a line of of-payroll/);
});

test('of ConfigMaps and Secrets the keys are there, and no value', async () => {
  const data = { 'server.conf': 'value-4711', empty: '' };
  host.cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine', namespace }, data });
  host.cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'theirs', namespace },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': Buffer.from('value-4712').toString('base64') },
  });
  const { files, all } = await bundleOf(host);
  const keys = files.get('cluster/keys.txt')!;
  assert.match(keys, /^ConfigMap +mine +server\.conf, empty \(empty\)$/m);
  assert.match(keys, /^Secret +theirs +kubernetes\.io\/tls +tls\.crt$/m);
  assert.doesNotMatch(all, /value-471[12]/);
});

test('what each pod uses is there, the largest first, and so are the processes, by name', async () => {
  const { files } = await bundleOf(host);
  assert.match(files.get('usage/node.txt')!, /^tiny +db-0 +- +7\.00 MiB +- +-$/m);
  assert.match(files.get('usage/node.txt')!, /all of the node +0\.250/);
  assert.equal(files.get('system/processes.txt')!.trimEnd().split('\n').length, 61);
});

test('a program that this host has not is said where it is asked, and the rest is there', async () => {
  const { files, result } = await bundleOf(host, (argv) => {
    if (argv[0] === 'ss') throw new IvaapError('failed', 'ss is not installed');
    return undefined;
  });
  assert.equal(files.get('network/ports.txt')!.trim(), 'not known: ss is not installed');
  assert.match(files.get('network/addresses.txt')!, /127\.0\.0\.1/);
  assert.ok(result.collected.every(({ missing: is }) => is === undefined));
});

test('a message of a pod is text and nothing else', async () => {
  const hostile = '</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>\u202E"\'&\u001B[2J';
  crashing('server-0');
  const broken = pod('server-0');
  const status = structuredClone(broken['status']) as {
    containerStatuses: { state: { waiting: { message: string } } }[];
  };
  status.containerStatuses[0]!.state.waiting.message = hostile;
  host.cluster.apply({ ...broken, status });
  const said = (argv: readonly string[]) => (argv.includes('logs') ? `${hostile}\n` : undefined);
  const { index, result } = await bundleOf(host, said);
  assert.doesNotMatch(index, /<script|<img|\u202E|\u001B/);
  assert.match(index, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.equal(index.match(/<\/body>/g)?.length, 1);
  assert.equal(index.match(/<details>/g)?.length, result.collected.flatMap(({ files }) => files).length);
});

test('it replaces nothing, is readable by its owner alone, and a stop leaves nothing', async () => {
  releaseLock(host);
  const path = join(host.root, 'there.tar.gz');
  writeFileSync(path, 'mine');
  const ports = bundlePorts(machineWith(host, () => undefined));
  const refused = async (output: string) =>
    supportBundle({ output }, ports).then(
      () => assert.fail('not refused'),
      (error: unknown) => error as IvaapError,
    );
  const there = await refused(path);
  assert.equal(there.exitCode, 2);
  assert.equal(there.hint, `./tiny support-bundle --output ${path}.1`);
  const folder = await refused(host.root);
  assert.equal(folder.hint, `./tiny support-bundle --output ${host.root}/support.tar.gz`);
  assert.equal((await refused(join(host.root, 'none/x.tar.gz'))).exitCode, 6);
  assert.equal((await refused('-')).exitCode, 2);
  rmSync(path);
  await supportBundle({ output: path }, ports);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const names = [...(await filesOf(path)).keys()];
  assert.equal(names[0], 'index.html');
  rmSync(path);
  const before = readdirSync(host.root);
  const stop = new AbortController();
  const reason = new IvaapError('interrupted', 'stopped by SIGINT');
  const stopping = machineWith(host, (argv) => {
    if (argv[0] === 'journalctl') stop.abort(reason);
    return undefined;
  });
  releaseLock(host);
  await assert.rejects(supportBundle({ output: path }, bundlePorts(stopping, stop.signal)), reason);
  assert.deepEqual(readdirSync(host.root), before);
});

test('a disk without room is refused before anything is asked, with a place that has some', async () => {
  const storage = join(host.root, 'storage');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'small', storage]);
  try {
    const machine = machineWith(host, () => assert.fail('a program was started'));
    const error = await supportBundle({ output: join(storage, 'x.tar.gz') }, bundlePorts(machine)).then(
      () => assert.fail('not refused'),
      (thrown: unknown) => thrown as IvaapError,
    );
    assert.equal(error.exitCode, 6);
    assert.match(error.hint!, /^\.\/tiny support-bundle --output \/\S+\/support\.tar\.gz$/);
    assert.deepEqual(readdirSync(storage), []);
  } finally {
    execFileSync('umount', [storage]);
  }
});
