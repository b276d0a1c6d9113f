import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { causeChain } from '../../../src/errors.ts';
import { fingerprint, idsOf, planned } from '../../fixtures/in-process-host/dry-run.ts';
import { type DeployFlow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';

/**
 * The real flows over a simulated host: a dry run changes nothing, and the run does what it said. Runs that
 * were cut off have a file of their own.
 */

let host: SimulatedHost;
let begin: Record<DeployFlow, Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

test('an upgrade runs the steps that its dry run named, and nothing was changed before', async () => {
  host.become(begin.upgrade.world);
  const { plan, exitCode } = await planned(host, 'upgrade');
  assert.equal(exitCode, 0);
  assert.deepEqual(plan.refusals, []);
  assert.deepEqual(
    plan.steps.filter(({ notKnown }) => notKnown !== undefined),
    [],
  );
  const { shown } = await host.run('upgrade');
  const end = shown.find((event) => event.type === 'run.completed');
  assert.deepEqual(end?.ran.toSorted(), idsOf(plan, 'run').sort());
  const announced = shown.find((event) => event.type === 'run.plan');
  assert.deepEqual(
    announced?.plan.steps.map(({ id, action }) => [id, action]),
    plan.steps.map(({ id, action }) => [id, action]),
  );
});

test('every blocker of an upgrade is reported all at once, with the exit code of the first', async () => {
  host.become(begin.upgrade.world);
  const state = join(host.folder, '.installer/state.json');
  writeFileSync(state, readFileSync(state, 'utf8').replaceAll('"2026.1"', '"2030.1"'));
  const { plan, exitCode } = await planned(host, 'upgrade');
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
  const was = fingerprint(host);
  const broken = await host.run('upgrade', undefined, { dryRun: true });
  assert.equal(broken.exitCode, 3);
  assert.match(String(broken.error), /not a mapping/);
  assert.deepEqual(fingerprint(host), was);
});

test('an empty host stays empty, and an install is planned on it', async () => {
  host.become(begin.install.world);
  const was = readdirSync(host.root);
  const { plan } = await planned(host, 'install');
  assert.deepEqual(readdirSync(host.root), was);
  assert.equal(plan.from, null);
  assert.equal(idsOf(plan, 'run').length, plan.steps.length);
});

test('where the product does not say how a migration is told of another database there is no rehearsal', async () => {
  host.become(begin.upgrade.world);
  const was = host.state();
  const refused = await host.run('rehearse');
  assert.equal(refused.exitCode, 3);
  assert.match(causeChain(refused.error).join(), /Tiny has no rehearsal: this package does not say/);
  assert.deepEqual(host.state(), was);
});
