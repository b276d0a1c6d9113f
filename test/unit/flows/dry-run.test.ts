import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunPlan } from '../../../src/engine/run-plan.ts';
import { type Flow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  type Beginning,
  beginnings,
  type Interrupted,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';

/** The real flows over a simulated host: a dry run changes nothing, and the run does what it said. */

let host: SimulatedHost;
let begin: Record<Flow, Beginning>;
let killed: Interrupted[];

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
  killed = await interruptions(host, begin.upgrade, ({ kind }) => kind === 'place');
});
after(() => host.close());

/** Files with their contents, and everything in the cluster; the tools are placed by whoever comes first. */
function fingerprint(): Record<string, string> {
  const files = (
    existsSync(host.folder) ? readdirSync(host.folder, { recursive: true, withFileTypes: true }) : []
  )
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ path }) => !path.includes('/.installer/tools'));
  const lines = files.map(({ entry, path }) => {
    const content = entry.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'folder';
    return [relative(host.folder, path), content] as const;
  });
  return { ...Object.fromEntries(lines), cluster: JSON.stringify(host.cluster.state) };
}

/** A dry run on the host as it is. */
async function planned(flow: Flow, options: object = {}): Promise<{ plan: RunPlan; exitCode: number }> {
  const was = fingerprint();
  const { result, error, exitCode } = await host.run(flow, undefined, { dryRun: true, ...options });
  assert.deepEqual(fingerprint(), was);
  assert.deepEqual(host.violations, []);
  if (result?.plan === undefined) throw error;
  return { plan: result.plan, exitCode };
}

const ids = ({ steps }: RunPlan, action: string) =>
  steps.filter((step) => step.action === action).map(({ id }) => id);

test('an upgrade runs the steps that its dry run named, and nothing was changed before', async () => {
  host.become(begin.upgrade.world);
  const { plan, exitCode } = await planned('upgrade');
  assert.equal(exitCode, 0);
  assert.deepEqual(plan.refusals, []);
  assert.deepEqual(
    plan.steps.filter(({ notKnown }) => notKnown !== undefined),
    [],
  );
  const { shown } = await host.run('upgrade');
  const end = shown.find((event) => event.type === 'run.completed');
  assert.deepEqual(end?.ran.toSorted(), ids(plan, 'run').sort());
  const told = shown.find((event) => event.type === 'run.plan');
  assert.deepEqual(
    told?.plan.steps.map(({ id, action }) => [id, action]),
    plan.steps.map(({ id, action }) => [id, action]),
  );
});

test('of a run that was cut off anywhere it says what runs again and what is kept', async () => {
  assert.ok(killed.length > 20);
  for (const { name, world } of killed) {
    host.become(world);
    const { plan } = await planned('upgrade');
    const { shown } = await host.run('upgrade');
    const end = shown.find((event) => event.type === 'run.completed');
    assert.deepEqual(end?.ran.toSorted(), ids(plan, 'run').sort(), name);
    assert.deepEqual(end?.skipped.toSorted(), [...ids(plan, 'done'), ...ids(plan, 'skip')].sort(), name);
  }
});

test('what stands against an upgrade is told all at once, with the exit code of the first', async () => {
  host.become(begin.upgrade.world);
  const state = join(host.folder, '.installer/state.json');
  writeFileSync(state, readFileSync(state, 'utf8').replaceAll('"2026.1"', '"2030.1"'));
  const { plan, exitCode } = await planned('upgrade');
  assert.equal(exitCode, 5);
  assert.deepEqual(
    plan.refusals.map((refusal) => refusal.exitCode),
    [5, 3],
  );
  assert.match(plan.refusals[0]?.message ?? '', /downgrade/);
  assert.match(plan.refusals[1]?.message ?? '', /versions: /);
  assert.deepEqual(plan.steps, []);

  host.become(begin.upgrade.world);
  const values = join(host.folder, 'tiny.values.yaml');
  writeFileSync(values, '- a list\n');
  const was = fingerprint();
  const broken = await host.run('upgrade', undefined, { dryRun: true });
  assert.equal(broken.exitCode, 3);
  assert.match(String(broken.error), /not a mapping/);
  assert.deepEqual(fingerprint(), was);
});

test('an empty host stays empty, and is told what an install would do', async () => {
  host.become(begin.install.world);
  const was = readdirSync(host.root);
  const { plan } = await planned('install');
  assert.deepEqual(readdirSync(host.root), was);
  assert.equal(plan.from, null);
  assert.equal(ids(plan, 'run').length, plan.steps.length);
});
