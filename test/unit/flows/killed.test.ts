import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { placesOf } from '../../fixtures/in-process-host/graphs.ts';
import { type Flow, SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import {
  assertSurvives,
  type Beginning,
  beginnings,
  type Interrupted,
  interruptions,
} from '../../fixtures/in-process-host/matrix.ts';
import { kept } from '../../fixtures/in-process-host/outcome.ts';

/**
 * The real graphs over a simulated host: killed at each place of the journal, then the same command again. Every single operation
 * is tried by the integration suite.
 */

let host: SimulatedHost;
let begin: Record<Flow, Beginning>;
const killed: Partial<Record<Flow, Interrupted[]>> = {};

before(async () => {
  host = await SimulatedHost.start();
  begin = await beginnings(host);
  killed.upgrade = await interruptions(host, begin.upgrade, ({ kind }) => kind === 'place');
  killed.install = await interruptions(host, begin.install, ({ kind }) => kind === 'place', {
    powerCut: true,
  });
});
after(() => host.close());

for (const [flow, how] of [
  ['install', 'whose host loses power'],
  ['upgrade', 'that is killed'],
] as const) {
  test(`an ${flow} ${how} at any place ends as an undisturbed one when it is typed again`, async () => {
    const names = killed[flow]?.map(({ name }) => name);
    assert.deepEqual(names?.sort(), placesOf(flow).sort());
    for (const { name, world } of killed[flow] ?? []) {
      host.become(world);
      await assertSurvives(host, begin[flow], `${flow} ${how} at ${name}`);
    }
  });
}

/** The host as an upgrade left it that was killed at that place. */
function becomeKilledAt(place: string): void {
  const found = killed.upgrade?.find(({ name }) => name === place);
  assert.ok(found, place);
  host.become(found.world);
}

/** What the state says of the newest dump. */
function newestDump(): { path: string; takenAt: string } {
  return host.state()?.derived.pgDump as { path: string; takenAt: string };
}

const keptNow = () => kept(host.state()?.derived ?? {});
const keptAsAnchor = () => kept(host.state()?.anchors['2026.1']?.derived ?? {});

test('what was done is looked at again: a dump, a chart or an image that is gone or cut is made anew', async () => {
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

/** As if the run had begun two hours ago, and rows had come since. */
function twoHoursLater(): void {
  const path = join(host.folder, '.installer/state.json');
  const earlier = new Date(Date.now() - 7_200_000).toISOString();
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(newestDump().takenAt, earlier));
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

test('once Helm has started, the dump from before stays the anchor whatever its age', async () => {
  const helm = placesOf('upgrade')
    .filter((place) => place.startsWith('upgrade_helm:'))
    .slice(1);
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
