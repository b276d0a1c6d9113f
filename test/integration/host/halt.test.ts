import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IvaapError } from '../../../src/errors.ts';
import type { KubeObject } from '../../../src/host/kubectl.ts';
import type { Product } from '../../../src/payload/product-schema.ts';
import { haltedNow, haltWorkloads, startCommand, startWorkloads } from '../../../src/release/halt.ts';
import { startApiServer, type TestApiServer } from '../../fixtures/api-server.ts';

/** Halting over a real API server. No controller runs here: the test ends pods as one would. */

let server: TestApiServer;
let namespace = '';
let spaces = 0;
before(async () => {
  server = await startApiServer();
});
beforeEach(async () => {
  namespace = `halt-${(spaces += 1)}`;
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});
after(() => server.stop());

const apply = (...objects: object[]) => server.kubectl.apply(objects as never, { namespace });
const ports = (signal = new AbortController().signal) => ({
  kubectl: server.kubectl,
  product: { name: 'tiny', namespace, database: { selector: 'app=db' } } as unknown as Product,
  signal,
});
const podSpec = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name, image: 'registry.example/one:1' }], restartPolicy: 'Always' },
});
const workload = (kind: string, name: string, replicas?: number) => ({
  apiVersion: kind === 'ReplicationController' ? 'v1' : 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    ...(kind === 'DaemonSet' ? {} : { replicas }),
    selector: kind === 'ReplicationController' ? { app: name } : { matchLabels: { app: name } },
    template: podSpec(name),
    ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
  },
});
const jobSpec = (name: string) => {
  const { spec, ...rest } = podSpec(name);
  return { template: { ...rest, spec: { ...spec, restartPolicy: 'Never' } } };
};
const cron = (name: string, suspend = false) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name },
  spec: { schedule: '0 4 * * *', suspend, jobTemplate: { spec: jobSpec(name) } },
});

/** A pod as the owner's controller would have made it. */
async function podOf(name: string, kind?: string, owner = ''): Promise<void> {
  const made = kind === undefined ? undefined : await get(kind, owner);
  const { apiVersion = '', metadata } = made ?? {};
  const ownerReferences =
    metadata === undefined ? [] : [{ apiVersion, kind, name: owner, uid: metadata.uid, controller: true }];
  const { spec } = podSpec(name);
  const labels = { app: owner === 'db' ? 'db' : name };
  await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels, ownerReferences }, spec });
}

interface Scaled extends KubeObject {
  spec: { replicas?: number; suspend?: boolean };
}
const get = (kind: string, name: string) => server.kubectl.get<Scaled>(kind, name, { namespace });
async function stateOf(kind: string, name: string) {
  const { spec, metadata } = (await get(kind, name))!;
  return [spec.replicas ?? spec.suspend, metadata.annotations?.['tiny-before-restore']];
}
const idsOf = (all: readonly { kind: string; name: string; replicas: number | undefined }[]) =>
  all.map(({ kind, name, replicas }) => `${kind}/${name} ${replicas ?? 'on'}`).sort();

test('all but the database is halted, says in itself what it was, and is started as it was', async () => {
  await apply(
    workload('Deployment', 'server', 3),
    workload('StatefulSet', 'cache', 2),
    workload('ReplicaSet', 'bare', 1),
    workload('ReplicationController', 'old', 4),
    workload('Deployment', 'off', 0),
    workload('StatefulSet', 'db', 1),
    workload('DaemonSet', 'agent'),
    cron('nightly'),
    cron('never', true),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'load' }, spec: jobSpec('load') },
  );
  await podOf('db-0', 'StatefulSet', 'db');
  await podOf('psql');
  const said: string[] = [];
  const halt = await haltWorkloads(ports(), { by: 'uninstall', say: (line) => said.push(line) });
  const halted = [
    'CronJob/nightly on',
    'Deployment/server 3',
    'ReplicaSet/bare 1',
    'ReplicationController/old 4',
    'StatefulSet/cache 2',
  ];
  assert.deepEqual(idsOf(halt.halted), halted);
  assert.deepEqual(halt.notStopped.sort(), ['DaemonSet/agent', 'Job/load', 'Pod/psql']);
  assert.equal(said.length, 5, said.join('\n'));
  assert.deepEqual(await stateOf('Deployment', 'server'), [0, '3']);
  assert.deepEqual(await stateOf('CronJob', 'nightly'), [true, 'on']);
  assert.deepEqual(await stateOf('StatefulSet', 'db'), [1, undefined]);
  assert.deepEqual(await stateOf('Deployment', 'off'), [0, undefined]);

  // A second one finds it as the first, killed at any instant, has left it.
  const again = await haltWorkloads(ports(), { by: 'restore', say: (line) => assert.fail(line) });
  assert.deepEqual(idsOf(again.halted), halted);
  assert.deepEqual(await stateOf('Deployment', 'server'), [0, '3']);
  const now = await haltedNow(ports());
  assert.deepEqual([...new Set(now.map(({ by }) => by))], ['uninstall']);

  assert.deepEqual(await startWorkloads(ports(), { by: 'rollback' }), {
    started: [],
    changed: [],
    failed: [],
  });
  const { started, changed, failed } = await startWorkloads(ports());
  assert.deepEqual([idsOf(started), changed, failed], [halted, [], []]);
  assert.deepEqual(await stateOf('Deployment', 'server'), [3, undefined]);
  assert.deepEqual(await stateOf('ReplicationController', 'old'), [4, undefined]);
  assert.deepEqual(await stateOf('CronJob', 'nightly'), [false, undefined]);
  assert.deepEqual(await stateOf('CronJob', 'never'), [true, undefined]);
  assert.deepEqual(await haltedNow(ports()), []);
  assert.deepEqual(await startWorkloads(ports()), { started: [], changed: [], failed: [] });
});

test('it waits until the pods have ended, those of a ReplicaSet of a Deployment too', async () => {
  await apply(workload('Deployment', 'server', 1), workload('ReplicaSet', 'server-1', 1));
  const { metadata } = (await get('Deployment', 'server'))!;
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'server', uid: metadata.uid };
  await server.kubectl.patch(
    'ReplicaSet',
    'server-1',
    { metadata: { ownerReferences: [owner] } },
    { namespace },
  );
  await podOf('server-1-a', 'ReplicaSet', 'server-1');
  let hasEnded = false;
  const halting = haltWorkloads(ports(), { by: 'uninstall', say: () => {} }).then((halt) => {
    assert.ok(hasEnded, 'before its pod had ended');
    return halt;
  });
  while ((await stateOf('Deployment', 'server'))[0] !== 0) await sleep(100);
  await sleep(1500);
  hasEnded = true;
  await server.kubectl.delete('pod', 'server-1-a', { namespace });
  const halt = await halting;
  assert.deepEqual(idsOf(halt.halted), ['Deployment/server 1']);
  assert.deepEqual(halt.notStopped, []);
  assert.deepEqual(await stateOf('ReplicaSet', 'server-1'), [1, undefined], 'its Deployment sets the number');
});

test('one that is started again meanwhile is named, and a stop request ends the waiting', async () => {
  await apply(workload('Deployment', 'server', 2));
  await podOf('stays', 'Deployment', 'server');
  const halting = haltWorkloads(ports(), { by: 'uninstall', say: () => {} });
  while ((await stateOf('Deployment', 'server'))[0] !== 0) await sleep(100);
  await server.kubectl.patch('Deployment', 'server', { spec: { replicas: 5 } }, { namespace });
  await assert.rejects(halting, (error: IvaapError) => {
    assert.match(error.message, /^Deployment\/server was halted, and somebody has started it again$/);
    assert.match(error.hint ?? '', /kubectl get -n halt-3 Deployment\/server -o yaml/);
    return true;
  });
  // Whoever set that number has the word.
  assert.deepEqual(await startWorkloads(ports()), {
    started: [],
    changed: ['Deployment/server'],
    failed: [],
  });
  assert.deepEqual(await stateOf('Deployment', 'server'), [5, undefined]);

  const stop = new AbortController();
  const waiting = haltWorkloads(ports(stop.signal), { by: 'uninstall', say: () => {} });
  while ((await stateOf('Deployment', 'server'))[0] !== 0) await sleep(100);
  stop.abort(new Error('stopped by the test'));
  await assert.rejects(waiting);
  assert.deepEqual(await stateOf('Deployment', 'server'), [0, '5']);
});

test('what is spared goes on and is named; the printed commands start what is halted', async () => {
  await apply(
    workload('Deployment', 'a', 2),
    workload('StatefulSet', 'b', 2),
    workload('Deployment', 'c', 1),
  );
  await apply(workload('Deployment', 'theirs', 1), cron('nightly'));
  const spares = (id: string) => id === 'Deployment/theirs';
  const { halted, notStopped } = await haltWorkloads(ports(), { by: 'uninstall', spares, say: () => {} });
  assert.deepEqual(notStopped, ['Deployment/theirs']);
  assert.deepEqual(await stateOf('Deployment', 'theirs'), [1, undefined]);
  const commands = startCommand(halted, { namespace }).split('; ');
  assert.equal(commands.length, 3, commands.join('\n'));
  for (const command of commands) {
    const [, line = ''] = command.split(' kubectl ');
    const words = line.match(/'[^']*'|\S+/g) ?? [];
    const args = words.map((word) => word.replaceAll("'", ''));
    const argv = [server.k3s, 'kubectl', '--kubeconfig', server.kubeconfig, ...args] as [string, ...string[]];
    await server.runner.run(argv);
  }
  assert.deepEqual(await haltedNow(ports()), []);
  const numbers = [];
  for (const name of ['Deployment/a', 'StatefulSet/b', 'Deployment/c', 'CronJob/nightly']) {
    const [kind = '', of = ''] = name.split('/');
    numbers.push((await stateOf(kind, of))[0]);
  }
  assert.deepEqual(numbers, [2, 2, 1, false]);
});
