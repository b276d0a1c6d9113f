import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { passedByRestore } from '../../crash/places.ts';
import { eventName, type HostEvent } from '../../fixtures/in-process-host/events.ts';
import { failingHelm, outages, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { outcome as outcomeOf } from '../../fixtures/in-process-host/outcome.ts';
import { restoredFrom } from '../../fixtures/in-process-host/postgres.ts';

/**
 * A restore, and one that is taken back, killed or without power at every place of its journal, around
 * programs and around file operations. At each of them one of two whole databases is the live one; typed
 * again it ends as an undisturbed one, and no row is lost. One file operation in `stride` is tried
 * (IN_PROCESS_STRIDE=1 for all of them).
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 64);
/** Of what there is less of. */
const programStride = Math.ceil(stride / 8);
const placeStride = Math.ceil(stride / 32);

let host: SimulatedHost;
/** After an upgrade that failed, with a row that came later; and after its restore, with another one. */
let failed: World;
let restored: World;

const then = ['Troll A-1', 'Troll A-2'];
const later = 'Gullfaks A-1';
const latest = 'Sleipner A-1';

/** Lets Helm fail half-way once the schema has moved, which rolls the release back. */
const movedThenFailed = failingHelm(
  () => host,
  () => (host.cluster.state.database.schema = 2),
);

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  host.cluster.state.database.rows.push(...then);
  let image: (typeof host.cluster.state.images)[string] | undefined;
  const ended = await host.run('upgrade', (event) => {
    image ??= host.cluster.state.images['registry.example/tiny/server:2026.2'];
    return movedThenFailed(event);
  });
  assert.equal(ended.exitCode, 8);
  host.cluster.state.images['registry.example/tiny/server:2026.2'] = image!;
  host.cluster.state.database.rows.push(later);
  failed = host.copy();
  assert.equal((await host.run('restore')).exitCode, 0);
  host.cluster.state.database.rows.push(latest);
  restored = host.copy();
});
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');

const [whole, migrated] = [
  { schema: 1, rows: then },
  { schema: 2, rows: [...then, later] },
];
const worked = { schema: 1, rows: [...then, latest] };

/** Each way: where it starts, the two databases that may be live, and what must be kept in the end. */
const ways = [
  { options: {}, world: () => failed, states: [migrated, whole] },
  { options: { undo: true }, world: () => restored, states: [worked, migrated] },
  { options: { dataOnly: true }, world: () => failed, states: [migrated, whole] },
] as const;
type Way = (typeof ways)[number];

const live = () => ({ schema: host.cluster.state.database.schema, rows: host.cluster.state.database.rows });

/** As undisturbed: names with times aside. What was there before is in the moved database and in the dump. */
function outcome() {
  const { database: _, files, ...rest } = outcomeOf(host);
  const state = host.state() as State;
  const dump = state.restored?.pgDump?.['path'];
  const moved = host.cluster.state.database.beside?.[state.restored?.moved ?? ''];
  return {
    ...rest,
    files: (files as string[]).filter((line) => !line.includes('.before-restore-')),
    live: live(),
    moved: moved === undefined ? null : restoredFrom(moved.text),
    dump: typeof dump === 'string' && existsSync(dump) ? restoredFrom(readFileSync(dump, 'utf8')) : null,
    suspended: state.suspended?.flow ?? null,
  };
}

/** `seen`: how many events were wanted; of them those that `tried` takes, by their number, leave a world. */
async function worldsOf(
  { options, world }: Pick<Way, 'options' | 'world'>,
  wanted: (event: HostEvent) => boolean,
  { tried = () => true, ...how }: { powerCut?: boolean; tried?: (at: number) => boolean } = {},
): Promise<{
  killed: { name: string; world: World }[];
  seen: number;
  expected: ReturnType<typeof outcome>;
}> {
  host.become(world());
  const killed: { name: string; world: World }[] = [];
  let seen = 0;
  const ended = await host.run(
    'restore',
    (event) => {
      if (wanted(event) && host.state()?.run?.status !== 'completed' && tried(seen++))
        killed.push({ name: eventName(event), world: host.copy(how) });
      return undefined;
    },
    options,
  );
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(host.violations, []);
  return { killed, seen, expected: structuredClone(outcome()) };
}

async function assertEnds(
  { options, states }: Way,
  { killed, expected }: Pick<Awaited<ReturnType<typeof worldsOf>>, 'killed' | 'expected'>,
): Promise<void> {
  assert.deepEqual([expected.live, expected.moved, expected.dump], [states[1], states[0], states[0]]);
  for (const { name, world } of killed) {
    host.become(world);
    const is = JSON.stringify(live());
    assert.ok(
      states.some((one) => JSON.stringify(one) === is),
      `${name}: ${is}`,
    );
    const again = await host.run('restore', undefined, options);
    assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
    assert.deepEqual(host.violations, [], name);
    assert.deepEqual({ name, ...outcome() }, { name, ...expected });
  }
}

const isPlace = ({ kind }: HostEvent) => kind === 'place';

for (const way of ways) {
  const typed = ['restore', ...Object.keys(way.options)].join(' ');
  test(`killed at any place of the journal it ends the same: ${typed}`, async () => {
    const offset = way === ways[0] ? 0 : placeStride - 1;
    const found = await worldsOf(way, isPlace, { tried: (at) => at % placeStride === offset });
    assert.ok(found.seen >= 10, `${found.seen} places`);
    await assertEnds(way, found);
  });
}

test('every step leaves its name in the journal, and the matrix of the lab kills at what a run passes', async (t) => {
  const { killed } = await worldsOf(ways[0], isPlace);
  for (const { id } of stepsOf.restore) {
    assert.ok(
      killed.some(({ name }) => name.includes(`${id}:verified`)),
      id,
    );
  }
  const places = killed.map(({ name }) => name).filter((name) => name !== 'start');
  // Written by `node --test --test-update-snapshots` of this file.
  t.assert.fileSnapshot(places.join('\n'), passedByRestore, { serializers: [String] });
});

test('killed around any program it ends the same', async () => {
  const tried = (at: number) => at % programStride === 0;
  const found = await worldsOf(ways[0], ({ kind }) => kind === 'program', { tried });
  assert.ok(found.seen >= 60, `${found.seen} worlds`);
  await assertEnds(ways[0], found);
});

const isFile = (event: HostEvent) => event.kind === 'file' && !/\/state\.json[^/]*$/.test(event.path);

for (const powerCut of [false, true]) {
  test(`${powerCut ? 'without power' : 'killed'} around any file operation it ends the same`, async () => {
    const offset = powerCut ? stride - 1 : 0;
    const tried = (at: number) => at % stride === offset;
    const found = await worldsOf(ways[0], isFile, { powerCut, tried });
    assert.ok(found.seen >= 100, `${found.seen} worlds`);
    await assertEnds(ways[0], found);
  });
}

test('asked to stop at any place it stops there, and ends when it is typed again', async () => {
  const { killed, expected } = await worldsOf(ways[0], isPlace);
  for (const { name } of killed.slice(1).filter((_, at) => at % placeStride === 0)) {
    host.become(failed);
    const place = name.replace(/^place /, '');
    const stopped = await host.run('restore', signalAt(place, 'SIGTERM').watch);
    assert.ok([0, 143].includes(stopped.exitCode), `${place}: ${said(stopped)}`);
    if (stopped.exitCode !== 0) assert.equal((await host.run('restore')).exitCode, 0, place);
    assert.deepEqual({ place, ...outcome() }, { place, ...expected });
  }
});

for (const [what, from] of outages) {
  test(`${what} from a place on: it says so with a hint, and ends when it is typed again`, async () => {
    const { killed, expected } = await worldsOf(ways[0], isPlace);
    for (const { name } of killed.filter((_, at) => at % (2 * placeStride) === 1)) {
      host.become(failed);
      const place = name.replace(/^place /, '');
      const fault = from(place);
      const ended = await host.run('restore', fault.watch);
      assert.ok([0, 3, 6].includes(ended.exitCode), `${place}: exit ${ended.exitCode}, ${said(ended)}`);
      if (ended.exitCode === 0) continue;
      assert.ok(fault.struck(), `${place}: failed by itself, ${said(ended)}`);
      assert.ok(
        ended.error instanceof IvaapError && (ended.error.hint ?? '') !== '',
        `${place}: no hint, ${said(ended)}`,
      );
      const again = await host.run('restore');
      assert.equal(again.exitCode, 0, `${place}: ${said(again)}`);
      assert.deepEqual({ place, ...outcome() }, { place, ...expected });
    }
  });
}
