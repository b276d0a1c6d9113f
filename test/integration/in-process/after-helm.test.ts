import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { failure } from '../../../src/host/program-failure.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import {
  SimulatedHost,
  type Invocation,
  type Watcher,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { refusedCall } from '../../fixtures/in-process-host/runner.ts';

/** What an operator sees once Helm has ended, and what a health step that was waived may and may not say. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  const first = await host.run('install');
  assert.equal(first.exitCode, 0, said(first));
  installed = host.copy();
});
beforeEach(() => {
  host.become(installed);
  host.ingress = undefined;
});
after(() => host.close());

const isHelmUpgrade = (event: HostEvent, phase: string) =>
  event.kind === 'program' && event.phase === phase && event.argv[1] === 'upgrade';
const asksSchema = (event: HostEvent) =>
  event.kind === 'program' &&
  event.phase === 'before' &&
  event.argv.includes('select max(version) from migrations');

const killedHelm = () =>
  failure('helm upgrade tiny was ended by SIGKILL', {
    exitCode: undefined,
    endedBy: 'SIGKILL',
    reason: 'signal',
    stdout: '',
    stderr: '',
  });

const said = ({ error }: Invocation): string => (error as Error | undefined)?.message ?? '';
const warnings = ({ shown }: Invocation): readonly string[] =>
  shown.flatMap((event) =>
    event.type === 'run.completed' || event.type === 'run.failed' ? event.warnings : [],
  );

test('a failed Helm that rolled back to a release that answers is exit 7', async () => {
  const ended = await host.run(
    'upgrade',
    failingHelm(() => host),
  );
  assert.equal(ended.exitCode, 7, said(ended));
  assert.match(said(ended), /unchanged \(version 1\)/);
});

test('an image whose name has gone is given it again by the same command, though another name keeps its layers', async () => {
  const name = 'registry.example/tiny/server:2026.2';
  await host.run('upgrade', (event) => {
    if (!isHelmUpgrade(event, 'during')) return undefined;
    const { images } = host.cluster.state;
    images['registry.example/kept:1'] = images[name]!;
    delete images[name];
    return undefined;
  });
  const again = await host.run('upgrade');
  assert.equal(again.exitCode, 0, said(again));
  assert.notEqual(host.cluster.state.images[name], undefined);
});

test('a schema that nobody could ask for before Helm is the one of the dump from before', async () => {
  let answers = true;
  const watch: Watcher = (event) => {
    if (event.kind === 'place' && event.place === 'upgrade_helm:running') answers = false;
    if (isHelmUpgrade(event, 'before')) answers = true;
    return !answers && asksSchema(event) ? refusedCall(['k3s', 'kubectl', 'exec']) : undefined;
  };
  const failing = failingHelm(
    () => host,
    () => (host.cluster.state.database.schema = 2),
  );
  const both: Watcher = (event) => watch(event) ?? failing(event);
  const first = await host.run('upgrade', both);
  assert.equal(first.exitCode, 8, said(first));
  assert.match(said(first), /moved from version 1 to 2/);
  const second = await host.run(
    'upgrade',
    failingHelm(() => host),
  );
  assert.equal(second.exitCode, 8, said(second));
});

test('without a dump it stays unknown: the next attempt calls it neither unchanged nor moved, and its code says so', async () => {
  let answers = true;
  const watch: Watcher = (event) => {
    if (event.kind === 'place' && event.place === 'upgrade_helm:running') answers = false;
    if (isHelmUpgrade(event, 'before')) answers = true;
    return !answers && asksSchema(event) ? refusedCall(['k3s', 'kubectl', 'exec']) : undefined;
  };
  const failing = failingHelm(
    () => host,
    () => (host.cluster.state.database.schema = 2),
  );
  await host.run('upgrade', (event) => watch(event) ?? failing(event), { skipBackup: true });
  const second = await host.run(
    'upgrade',
    failingHelm(() => host),
    { skipBackup: true },
  );
  assert.equal(second.exitCode, 6, said(second));
  assert.doesNotMatch(said(second), /unchanged|moved from/);
  assert.match(said(second), /not known/);
});

test('a database that is away right after Helm is asked again while the old release is probed', async () => {
  let left = 3;
  const failing = failingHelm(() => host);
  let failed = false;
  const ended = await host.run('upgrade', (event) => {
    if (isHelmUpgrade(event, 'after')) failed = true;
    if (failed && asksSchema(event) && (left -= 1) >= 0) {
      return new IvaapError('failed', 'the database is not ready');
    }
    return failing(event);
  });
  assert.equal(ended.exitCode, 7, said(ended));
});

test('a stop that Helm outlived says what has completed and what is left, and no warning of before', async () => {
  const ended = await host.run('upgrade', (event) =>
    isHelmUpgrade(event, 'during') ? 'SIGTERM' : undefined,
  );
  assert.equal(ended.exitCode, 143);
  assert.match(said(ended), /after step upgrade_helm, which has completed; left to do: upgrade_health_/);
  assert.ok(warnings(ended).some((line) => /Helm has completed.*moved from version 1 to 2/.test(line)));
  assert.deepEqual(
    warnings(ended).filter((line) => line.includes('stopping after Helm')),
    [],
  );
});

test('a Helm that was killed before it changed anything leaves the old release running, and that is said', async () => {
  const ended = await host.run('upgrade', (event) =>
    isHelmUpgrade(event, 'during') ? killedHelm() : undefined,
  );
  assert.equal(ended.exitCode, 6);
  assert.match(
    said(ended),
    /All workloads of 2026\.1 run and are ready.*pending-upgrade.*The product answers/,
  );
  const { hint = '' } = ended.error as IvaapError;
  assert.match(hint, /journalctl/);
  assert.doesNotMatch(hint, /values/);
  assert.equal((await host.run('upgrade')).exitCode, 0);
});

/** Takes the pods' readiness until the workloads were listed `lists` times once Helm has failed. */
function unreadyAfterHelm(lists: number): Watcher {
  let left = Infinity;
  const setReady = (readyReplicas: number) => {
    for (const kind of ['Deployment', 'StatefulSet']) {
      for (const { status, ...workload } of host.cluster.list(kind, 'tiny')) {
        host.cluster.apply({ ...workload, status: { ...(status as object), readyReplicas } }, 'tiny');
      }
    }
  };
  return (event) => {
    if (isHelmUpgrade(event, 'during')) {
      setReady(0);
      left = lists;
      return killedHelm();
    }
    const listsWorkloads =
      event.kind === 'program' &&
      event.phase === 'before' &&
      event.argv.join().includes('deployments,stateful');
    if (left !== Infinity && listsWorkloads && (left -= 1) < 0) setReady(1);
    return undefined;
  };
}

test('pods of the old release that are on their way when Helm gives up are waited for', async () => {
  const ended = await host.run('upgrade', unreadyAfterHelm(2));
  assert.equal(ended.exitCode, 6);
  assert.match(said(ended), /All workloads of 2026\.1 run and are ready.*The product answers/);
  assert.ok(
    ended.shown.some(
      (event) =>
        event.type === 'step.warning' &&
        /^waiting for .*\/.* of 2026\.1 to be ready, up to 120 s$/.test(event.line),
    ),
  );
});

test('that Helm cuts the history is said once it takes more than the usual one away', async () => {
  const secret = host.cluster.list('Secret', 'tiny', 'owner=helm,name=tiny')[0]!;
  const { release } = secret.data as { release: string };
  host.cluster.delete('Secret', secret.metadata.name, 'tiny');
  for (let revision = 1; revision <= 14; revision += 1) {
    const status = revision === 14 ? 'deployed' : 'superseded';
    const record = { ...unpackRecord(release), revision, status };
    host.cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `sh.helm.release.v1.tiny.v${revision}`,
        namespace: 'tiny',
        labels: { owner: 'helm', name: 'tiny', status, version: String(revision) },
      },
      data: { release: packRecord(record, 'tiny') },
    });
  }
  const ended = await host.run('upgrade');
  assert.equal(ended.exitCode, 0, said(ended));
  assert.ok(warnings(ended).some((line) => /the 5 oldest of its 14 revisions are deleted/.test(line)));
  assert.deepEqual(host.violations, []);
});

/** From the end of Helm on the ingress sends everybody elsewhere. */
const redirecting: Watcher = (event) => {
  if (event.kind === 'place' && event.place === 'upgrade_helm:verified') host.ingress = 301;
  return undefined;
};

test('a health step that cannot pass is waived with a reason, on record everywhere, and the way back stays', async () => {
  const failed = await host.run('upgrade', redirecting);
  assert.equal(failed.exitCode, 6);
  const step = Object.keys(host.state()?.run?.steps ?? {}).at(-1) ?? '';
  assert.match((failed.error as IvaapError).hint ?? '', new RegExp(`--waive ${step}=REASON`));
  const reason = 'TLS stands before it';
  const waived = await host.run('upgrade', undefined, { waive: [`${step}=${reason}`] });
  assert.equal(waived.exitCode, 0, said(waived));
  assert.ok(waived.result?.lines.some((line) => line.includes(`waived (${reason}), not verified`)));
  assert.ok(warnings(waived).some((line) => line.includes(reason)));
  const state = host.state()!;
  assert.deepEqual(state.installed?.waived, [{ step, reason }]);
  assert.equal(state.run?.steps[step]?.waived, reason);
  assert.deepEqual(
    state.waivers.filter(({ id }) => id === step).map((one) => one.reason),
    [reason],
  );
  assert.deepEqual(Object.keys(state.anchors), ['2026.1']);
});

test('a waiver that was not needed is on no record; one without a reason, or of another step, is refused', async () => {
  const step = 'upgrade_health_server';
  const good = await host.run('upgrade', undefined, { waive: [`${step}=in case`] });
  assert.equal(good.exitCode, 0, said(good));
  assert.equal(host.state()?.installed?.waived, undefined);
  assert.deepEqual(host.state()?.waivers, []);
  host.become(installed);
  for (const waive of [`${step}=`, step, 'upgrade_health_other=x', 'upgrade_helm=x', 'health_server=x']) {
    assert.equal((await host.run('upgrade', undefined, { waive: [waive] })).exitCode, 2, waive);
  }
});

test('with a waived route nobody has proved that the old release answers: never exit 7', async () => {
  const failing = failingHelm(() => host);
  const ended = await host.run(
    'upgrade',
    (event) => {
      if (isHelmUpgrade(event, 'during')) host.ingress = 301;
      return failing(event);
    },
    { waive: ['upgrade_health_server=TLS stands before it'] },
  );
  assert.equal(ended.exitCode, 6, said(ended));
});
