import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { passedFile } from '../../crash/places.ts';
import type { HostEvent } from '../../fixtures/in-process-host/events.ts';
import { type DeployFlow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  assertSurvives,
  beginnings,
  type Interrupted,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';
import { kept } from '../../fixtures/in-process-host/outcome.ts';

/**
 * The real graphs over a simulated host: killed at each place of the journal, then the same command again.
 * Every single operation is tried by every-operation.test.ts.
 */

let host: SimulatedHost;
let begin: Awaited<ReturnType<typeof beginnings>>;
const isPlace = ({ kind }: HostEvent) => kind === 'place';
const killed: Partial<Record<DeployFlow, Interrupted[]>> = {};

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
  killed.upgrade = (await interruptions(host, begin.upgrade, isPlace)).killed;
  killed.install = (await interruptions(host, begin.install, isPlace, { powerCut: true })).killed;
});
after(() => host.close());

for (const [flow, how] of [
  ['install', 'whose host loses power'],
  ['upgrade', 'that is killed'],
] as const) {
  test(`an ${flow} ${how} at any place ends as an undisturbed one when it is typed again`, async () => {
    const names = killed[flow]?.map(({ name }) => name);
    assert.deepEqual(names?.sort(), begin[flow].places.toSorted());
    for (const { name, world } of killed[flow] ?? []) {
      host.become(world);
      await assertSurvives(host, begin[flow], `${flow} ${how} at ${name}`);
    }
  });
}

test('what a run passes is what the matrix of the lab kills at', (t) => {
  const passed = [...begin.upgrade.places, ...begin.install.places, ...begin.rollback.places];
  const text = passed.filter((place) => place !== 'start').join('\n');
  // Written by `node --test --test-update-snapshots` of this file.
  t.assert.fileSnapshot(text, passedFile, { serializers: [String] });
});

/** The host as an upgrade left it that was killed at that place. */
function becomeKilledAt(place: string): void {
  const found = killed.upgrade?.find(({ name }) => name === place);
  assert.ok(found, place);
  host.become(found.world);
}

/** What the state says of the newest dump. */
function newestDump(): { path: string; takenAt: string; endedAt: string } {
  return host.state()?.derived.pgDump as { path: string; takenAt: string; endedAt: string };
}

const keptNow = () => kept(host.state()?.derived ?? {});
const keptAsAnchor = () => kept(host.state()?.anchors['2026.1']?.derived ?? {});

test('what was done is looked at again: a dump, a chart or an image that is gone or cut is created again', async () => {
  const damages: Record<string, () => void> = {
    'dump gone': () => rmSync(newestDump().path),
    'dump cut': () => truncateSync(newestDump().path, 10),
    'chart changed': () => writeFileSync(join(host.folder, 'TinyChart/Chart.yaml'), 'name: other\n'),
    'image gone': () => {
      delete host.cluster.state.images['registry.example/tiny/server:2026.2'];
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    becomeKilledAt('upgrade_migrate:running');
    damage();
    await assertSurvives(host, begin.upgrade, name);
  }
});

/** As if the run had started two hours ago, and rows had come since. */
function twoHoursLater(): void {
  const path = join(host.folder, '.installer/state.json');
  const earlier = new Date(Date.now() - 7_200_000).toISOString();
  const { takenAt, endedAt } = newestDump();
  const text = readFileSync(path, 'utf8').replaceAll(takenAt, earlier).replaceAll(endedAt, earlier);
  writeFileSync(path, text);
  host.cluster.state.database.rows.push('Gullfaks A-1');
}

const withNewRow = ['Troll A-1', 'Troll A-2', 'Troll B-1', 'Gullfaks A-1'];

test('a dump of two hours ago is taken again before Helm starts', async () => {
  becomeKilledAt('upgrade_migrate:running');
  twoHoursLater();
  assert.equal((await host.run('upgrade')).exitCode, 0);
  assert.deepEqual(keptNow().dump, { schema: 1, rows: withNewRow });
  assert.deepEqual(keptAsAnchor(), keptNow());
});

test('once Helm has started, the dump from before stays the anchor at any age', async () => {
  const helm = begin.upgrade.places.filter((place) => place.startsWith('upgrade_helm:')).slice(1);
  for (const place of helm) {
    becomeKilledAt(place);
    const { path } = newestDump();
    twoHoursLater();
    assert.equal((await host.run('upgrade')).exitCode, 0, place);
    const anchor = host.state()?.anchors['2026.1']?.derived.pgDump as { path: string };
    assert.equal(anchor.path, path, place);
    assert.deepEqual(keptAsAnchor().dump, { schema: 1, rows: withNewRow.slice(0, 3) }, place);
  }
});

/**
 * As if another package had been killed there; Helm, where it had started, was started for these versions.
 */
function begunByAnother(place: string, versions = ['2026.2']): void {
  becomeKilledAt(place);
  const path = join(host.folder, '.installer/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8'));
  Object.assign(state.run, { payloadDigest: 'another', binary: '/packages/another/tiny' });
  if (state.run.pointOfNoReturn !== undefined) state.run.pointOfNoReturn.versions = versions;
  writeFileSync(path, JSON.stringify(state));
}

const supersede = () => host.run('upgrade', undefined, { supersede: true });
const [afterSwap, afterHelm] = ['upgrade_chart_swap:verified', 'upgrade_helm:verified'];

test('another package over an unfinished upgrade is refused with both ways out, and nothing is changed', async () => {
  for (const place of [afterSwap, afterHelm]) {
    begunByAnother(place);
    const before = host.state();
    const { exitCode, error } = await host.run('upgrade');
    assert.equal(exitCode, 5, place);
    assert.ok(error instanceof IvaapError);
    assert.match(error.message, /upgrade to 2026\.2, started by \/packages\/another\/tiny, is not finished/);
    assert.match(
      error.hint ?? '',
      /\/packages\/another\/tiny install --upgrade;.*tiny install --upgrade --supersede/,
    );
    assert.deepEqual(host.state(), before);
  }
});

test('--supersede closes it, starts afresh and keeps from-version, anchor and the chart from before', async () => {
  for (const place of [afterSwap, afterHelm]) {
    begunByAnother(place);
    const before = host.state();
    const dumped = newestDump().path;
    assert.equal((await supersede()).exitCode, 0, place);
    const state = host.state();
    assert.equal(state?.run?.from, '2026.1');
    assert.equal(state.installed?.version, '2026.2');
    const { id, status } = state.history.at(-1) ?? {};
    assert.deepEqual([id, status], [before?.run?.id, 'superseded']);
    const { pgDump } = state.derived as { pgDump: { path: string } };
    assert.notEqual(pgDump.path, dumped, 'a dump of its own');
    const anchor = state.anchors['2026.1'];
    if (place === afterHelm) assert.deepEqual(anchor, before?.anchors['2026.1']);
    const chart = readFileSync(join(String(anchor?.derived.previousChart), 'Chart.yaml'), 'utf8');
    assert.match(chart, /2026\.1/, place);
    assert.equal(state.derived.previousChart === anchor?.derived.previousChart, place === afterSwap);
    assert.match(readFileSync(join(String(state.derived.previousChart), 'Chart.yaml'), 'utf8'), /2026\.1/);
  }
});

test('an older package is refused once Helm has started for a newer one, --supersede or not, unless the schema is where it was', async () => {
  begunByAnother(afterHelm, ['2026.2', '2026.3']);
  const before = host.state();
  const refused = await supersede();
  assert.equal(refused.exitCode, 5);
  assert.match(String(refused.error), /started for 2026\.3.*older.*schema has moved from version 1 to/);
  assert.deepEqual(host.state(), before);
  host.cluster.state.database.schema = 1;
  assert.equal((await supersede()).exitCode, 0);
});
