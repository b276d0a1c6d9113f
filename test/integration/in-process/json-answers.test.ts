import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { resultSchemas } from '../../../src/flows/result-schemas.ts';
import { statusSchema } from '../../../src/queries/status-schema.ts';
import { watchRun } from '../../../src/queries/watch-run.ts';
import { failingHelm } from '../../fixtures/in-process-host/faults.ts';
import { SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';

/** What `--json` prints is what docs/json.md says: no field more, none less. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
});
after(() => host.close());

/** As a reader has it. */
function hold(schema: z.ZodType, answer: unknown): void {
  const { error } = schema.safeParse(JSON.parse(JSON.stringify(answer)));
  assert.equal(error && z.prettifyError(error), undefined);
}

test('status of an empty host', async () => {
  hold(statusSchema, await host.status('install'));
});

test('result and status of an install', async () => {
  const { result } = await host.run('install');
  hold(resultSchemas.install, result?.data);
  hold(statusSchema, await host.status('install'));
  installed = host.copy();
});

test('plan and result of an upgrade, and status after it', async () => {
  hold(resultSchemas.plan, (await host.run('upgrade', undefined, { dryRun: true })).result?.data);
  const only = await host.run('upgrade', undefined, { preflightOnly: true });
  hold(resultSchemas.preflight, only.result?.data);
  const report = only.shown.find(({ type }) => type === 'preflight.report');
  const { type: _, ...fields } = report ?? { type: '' };
  assert.deepEqual(Object.keys(only.result?.data['preflight'] as object).sort(), Object.keys(fields).sort());
  hold(resultSchemas.upgrade, (await host.run('upgrade')).result?.data);
  hold(statusSchema, await host.status('upgrade'));
});

test('plan and result of an uninstall', async () => {
  hold(resultSchemas.plan, (await host.run('uninstall', undefined, { dryRun: true })).result?.data);
  hold(resultSchemas.uninstall, (await host.run('uninstall')).result?.data);
});

test('status of an upgrade that failed, without a dump and with a lost state', async () => {
  host.become(installed);
  const failed = await host.run(
    'upgrade',
    failingHelm(() => host),
    { skipBackup: true },
  );
  assert.notEqual(failed.exitCode, 0);
  const report = await host.status('upgrade');
  assert.ok(report.skippedBackup !== null && report.waysOut?.forward !== null);
  hold(statusSchema, report);
  rmSync(join(host.folder, '.installer/state.json'));
  hold(statusSchema, await host.status('upgrade'));
});

test('repair-state: proposed, written and nothing to repair', async () => {
  host.become(installed);
  rmSync(join(host.folder, '.installer/state.json'));
  hold(resultSchemas.repair, (await host.repair('install', { dryRun: true })).result?.data);
  hold(resultSchemas.repair, (await host.repair('install')).result?.data);
  hold(resultSchemas.repair, (await host.repair('install')).result?.data);
});

test('status --watch without a run', async () => {
  host.become(installed);
  const { signal } = new AbortController();
  const ports = { emit: () => undefined, signal, program: './tiny', again: () => './tiny status --watch' };
  hold(resultSchemas.watch, (await watchRun({ ...ports, machine: host.machine('install') })).data);
});
