import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import {
  type Flow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';

/** Nothing is written after the last dump: what writes is stopped before it, and never stays down unsaid. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1');
  installed = host.copy();
});
beforeEach(() => host.become(installed));
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');
const hintOf = ({ error }: Invocation) => (error instanceof IvaapError ? (error.hint ?? '') : '');
const dumpOf = ({ result }: Invocation) => readFileSync(String(result?.data.dump), 'utf8');
const warningsOf = ({ shown }: Invocation) =>
  shown
    .flatMap((event) =>
      event.type === 'step.warning' || (event.type === 'message' && event.level === 'warning')
        ? [event.line]
        : [],
    )
    .join('\n');

/** The product as it is used: while its server runs, a row comes with every instant. */
function inUse(): { watch: (event: HostEvent) => undefined; written: string[] } {
  const written: string[] = [];
  return {
    written,
    watch: () => {
      if (!host.healthy()) return undefined;
      const row = `well ${written.length}`;
      written.push(row);
      host.cluster.state.database.rows.push(row);
      return undefined;
    },
  };
}

/** The host as a kill at this place leaves it. */
async function killedAt(place: string, flow: Flow = 'uninstall'): Promise<void> {
  let killed: World | undefined;
  const ended = await host.run(flow, (event) => {
    if (event.kind === 'place' && event.place === place) killed ??= host.copy();
    return undefined;
  });
  assert.ok(killed, `${place}: ${said(ended)}`);
  host.become(killed);
}

for (const flow of ['uninstall', 'rollback'] as const) {
  test(`all that the product writes, up to its last row, is in the last dump: ${flow}`, async () => {
    const use = inUse();
    const ended = await host.run(flow, use.watch);
    assert.equal(ended.exitCode, 0, said(ended));
    assert.ok(use.written.length > 20, `${use.written.length} rows`);
    const dump = dumpOf(ended);
    assert.deepEqual(
      use.written.filter((row) => !dump.includes(`${row}\n`)),
      [],
    );
    assert.ok(!existsSync(join(host.root, 'storage')));
  });
}

test('a rollback that ends before it removes anything starts again what it has stopped', async () => {
  const stopped = await host.run('rollback', signalAt('rollback_pg_backup:verified', 'SIGTERM').watch);
  assert.equal(stopped.exitCode, 143, said(stopped));
  assert.ok(host.healthy());
  assert.match(warningsOf(stopped), /nothing was removed: Deployment\/server was halted/);
  const use = inUse();
  use.watch({} as HostEvent);
  const ended = await host.run('rollback');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(dumpOf(ended), /well 0/);
});

test('a rollback that was killed leaves a product that is named as halted', async () => {
  await killedAt('rollback_pg_backup:running', 'rollback');
  const report = await host.status('upgrade');
  assert.match(report.upgrade.why.join(), /Deployment\/server: halted by a rollback that has not ended/);
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 3, said(refused));
  const ended = await host.run('rollback');
  assert.equal(ended.exitCode, 0, said(ended));
});

test('it is shown before, and what is not ours goes on and is named', async () => {
  host.cluster.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'theirs', namespace },
    spec: { replicas: 2, template: { metadata: { labels: { app: 'theirs' } }, spec: { containers: [] } } },
  });
  const plan = await host.run('uninstall', undefined, { dryRun: true });
  assert.match(JSON.stringify(plan.result), /stop 1 workload, .*: Deployment\/server/);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  const theirs = host.cluster.get('Deployment', 'theirs', namespace);
  assert.equal((theirs!.spec as { replicas: number }).replicas, 2);
  assert.match(warningsOf(ended), /not stopped, .*Deployment\/theirs/);
});

test('a run that ends before it removes anything starts again what it has stopped, and says so', async () => {
  const noDump = (event: HostEvent) =>
    event.kind === 'program' &&
    event.phase === 'before' &&
    event.argv.some((word) => word.includes('pg_dump'))
      ? new IvaapError('failed', 'no space left on device')
      : undefined;
  const failed = await host.run('uninstall', noDump);
  assert.equal(failed.exitCode, 6, said(failed));
  assert.match(
    warningsOf(failed),
    /nothing was removed: Deployment\/server was halted, and is started again/,
  );
  assert.ok(host.healthy());
  assert.equal(host.cluster.get('Deployment', 'server', namespace)?.metadata.annotations?.[key], undefined);

  host.become(installed);
  const stopped = await host.run('uninstall', signalAt('uninstall_pg_backup:verified', 'SIGTERM').watch);
  assert.equal(stopped.exitCode, 143, said(stopped));
  assert.ok(host.healthy());
  // Rows that come now are in the dump of the run that ends.
  const use = inUse();
  use.watch({} as HostEvent);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(dumpOf(ended), /well 0/);
});

test('killed, it leaves a product that is named as halted, with the command that starts it', async () => {
  for (const place of ['uninstall_halt:verified', 'uninstall_pg_backup:dump-written']) {
    host.become(installed);
    await killedAt(place);
    assert.ok(!host.healthy(), place);
    const refused = await host.run('upgrade');
    assert.equal(refused.exitCode, 3, `${place}: ${said(refused)}`);
    assert.match(said(refused), /Deployment\/server: halted by an uninstall that has not ended/);
    assert.match(hintOf(refused), /kubectl scale -n tiny --replicas=1 deployment\/server/);
    const down = host.copy();
    // As if the process that held the lock were gone.
    rmSync(join(host.folder, '.installer/lock'), { force: true });
    const report = await host.status('upgrade');
    assert.match(report.upgrade.why[0] ?? '', /^Deployment\/server: halted by an uninstall/, place);
    assert.equal(report.upgrade.healthy, false);
    const start = 'kubectl scale -n tiny --replicas=1 deployment/server';
    assert.ok(report.upgrade.hint?.endsWith(start), report.upgrade.hint ?? '');
    const lines = statusLines(report).join('\n');
    assert.match(lines, /nothing was removed; to start the product again: .* deployment\/server\n/);
    assert.doesNotMatch(lines, /an upgrade may be run/);
    host.become(down);
    const ended = await host.run('uninstall');
    assert.equal(ended.exitCode, 0, said(ended));

    host.become(down);
    startServer();
    const upgraded = await host.run('upgrade');
    assert.equal(upgraded.exitCode, 0, said(upgraded));
  }
});

/** What the printed command makes. */
function startServer(): void {
  const server = host.cluster.get('Deployment', 'server', namespace)!;
  const spec = { ...(server.spec as object), replicas: 1 };
  host.cluster.apply({ ...server, spec }, namespace);
  const { name } = server.metadata;
  const metadata = { name: `${name}-0`, namespace, labels: { app: name } };
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] };
  const owner = { kind: 'Deployment', name, uid: server.metadata.uid };
  host.cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ownerReferences: [owner] },
    spec: { nodeName: 'node', containers: [] },
    status,
  });
}

const key = 'tiny-before-restore';

test('killed when it removes, and Helm run by hand: the dump that was taken is the last one', async () => {
  const use = inUse();
  let killed: World | undefined;
  await host.run('uninstall', (event) => {
    if (event.kind === 'place' && event.place === 'uninstall_release:helm-at-work') killed ??= host.copy();
    return use.watch(event);
  });
  host.become(killed!);
  for (const [kind, name] of [
    ['Deployment', 'server'],
    ['StatefulSet', 'db'],
  ] as const)
    host.cluster.delete(kind, name, namespace);
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
  const dump = dumpOf(ended);
  assert.deepEqual(
    use.written.filter((row) => !dump.includes(`${row}\n`)),
    [],
  );
});
