import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { idsOf, planned } from '../../fixtures/in-process-host/dry-run.ts';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { type Beginning, beginnings } from '../../fixtures/in-process-host/matrix.ts';
import { planBrief, planLines } from '../../../src/ui/plan-text.ts';

/** Release notes in the real flow, over a simulated host: read, told, checked and waived. */

let host: SimulatedHost;
let begin: Record<'upgrade', Beginning>;

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
});
after(() => host.close());

/** The host before the upgrade, with lines added to the operator's values file. */
function hostWith(lines: string): void {
  host.become(begin.upgrade.world);
  appendFileSync(join(host.folder, 'tiny.values.yaml'), lines);
}

test('a dry run prints the notes of the releases that the upgrade passes, and no others', async () => {
  hostWith('color: blue\n');
  const { plan, exitCode } = await planned(host, 'upgrade');
  assert.equal(exitCode, 0);
  assert.deepEqual(
    plan.releaseNotes.map(({ version, breaking }) => [version, breaking.map(({ yours }) => yours)]),
    [['2026.2', ['affected', 'not affected', 'not affected', 'taken over']]],
  );
  const text = planLines(plan).join('\n');
  assert.match(text, /^ +! values: color -> skin\.color \(in your values file\): the skin has the colors/m);
  assert.match(text, /^ +one-way migration \(in this run\): names are split$/m);
  assert.equal(text.includes('The first release.'), false);
});

test('a key that only the overlay takes over is still in the file: a dry run, a run and preflight say so', async () => {
  const marked =
    /^ +! values: flavor -> taste \(your file still has flavor, a values patch sets the new key\)/m;
  hostWith('flavor: sweet\n');
  const { plan, exitCode } = await planned(host, 'upgrade');
  assert.equal(exitCode, 0);
  const text = planLines(plan, 200).join('\n');
  assert.match(text, marked);
  assert.match(text, / values: pool must be set \(not in your values file, a values patch sets it\)/);
  assert.equal(/already/.test(text), false, text);
  const { shown } = await host.run('upgrade');
  const told = shown.find((event) => event.type === 'run.plan');
  assert.match(planBrief(told!.plan).join('\n'), marked);
  const report = shown.find((event) => event.type === 'preflight.report');
  const result = report?.results.find(({ check }) => check === 'release-notes');
  assert.deepEqual([result?.id, result?.status], ['release-notes:flavor', 'warn']);
  assert.match(
    result?.measured ?? '',
    /^flavor is still in your file, a values patch sets the new key; 2026\.2:/,
  );
});

test('the summary before the first step has the notes, and an affected key is a warning of preflight', async () => {
  hostWith('color: blue\n');
  const { shown, exitCode } = await host.run('upgrade');
  assert.equal(exitCode, 0);
  const told = shown.find((event) => event.type === 'run.plan');
  assert.ok(told !== undefined);
  assert.match(planBrief(told.plan).join('\n'), /Release notes\n +2026\.2\n +! values: color -> skin\.color/);
  const report = shown.find((event) => event.type === 'preflight.report');
  const result = report?.results.find(({ check }) => check === 'release-notes');
  assert.deepEqual([result?.id, result?.status], ['release-notes:color', 'warn']);
});

test('a key that blocks refuses the upgrade until it is removed or waived, and nothing was changed', async () => {
  hostWith('cache: { shards: 4 }\n');
  const refused = await host.run('upgrade');
  assert.equal(refused.exitCode, 3);
  assert.match(
    String(refused.error),
    /release-notes:cache\.shards: cache\.shards is set; 2026\.2: remove it/,
  );
  const waived = await host.run('upgrade', undefined, { waive: ['release-notes:cache.shards=no harm here'] });
  assert.equal(waived.exitCode, 0);

  hostWith('cache: { shards: 4 }\n');
  assert.equal((await host.run('upgrade')).exitCode, 3);
  writeFileSync(join(host.folder, 'tiny.values.yaml'), 'host: tiny.example\nmigrate: "on"\n');
  assert.equal((await host.run('upgrade')).exitCode, 0);
});

test('once it is installed, a release has no notes to tell', async () => {
  host.become(begin.upgrade.world);
  assert.equal((await host.run('upgrade')).exitCode, 0);
  appendFileSync(join(host.folder, 'tiny.values.yaml'), 'cache: { shards: 4 }\n');
  const { result } = await host.run('upgrade', undefined, { dryRun: true, reapply: true });
  assert.deepEqual(result?.plan?.releaseNotes, []);
  assert.ok(idsOf(result.plan, 'run').length > 0);
});
