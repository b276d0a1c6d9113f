import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { passedByUninstall } from '../../crash/places.ts';
import { eventName, type HostEvent } from '../../fixtures/in-process-host/events.ts';
import { outages, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { removedOutcome } from '../../fixtures/in-process-host/removed.ts';

/**
 * An uninstall that is killed, or loses power, at every place of its journal, around every program and around
 * file operations, its own end among them: typed again it ends as an undisturbed one. One file operation in
 * `stride` is tried (IN_PROCESS_STRIDE=1 for all of them).
 */

const stride = Number(process.env['IN_PROCESS_STRIDE'] ?? 64);
/** Of what there is less of. */
const programStride = Math.ceil(stride / 4);
const placeStride = Math.ceil(stride / 32);

let host: SimulatedHost;
let upgraded: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  writeFileSync(join(host.root, 'storage/PG_VERSION'), '15\n');
  host.cluster.state.database.rows.push('Troll A-1', 'Troll A-2');
  assert.equal((await host.run('upgrade')).exitCode, 0);
  upgraded = host.copy();
});
after(() => host.close());

const said = ({ error }: Invocation) => causeChain(error).join(': ');

/** As undisturbed: what a second run adds to a log, or dumps again, is no difference. */
function outcome() {
  const { cluster, files } = removedOutcome(host);
  return { cluster, files: [...new Set(files)] };
}

/** `seen`: how many events were wanted; of them those that `tried` takes, by their number, leave a world. */
async function worldsAt(
  options: object,
  wanted: (event: HostEvent) => boolean,
  { tried = () => true, ...how }: { powerCut?: boolean; tried?: (at: number) => boolean } = {},
): Promise<{
  killed: { name: string; world: World }[];
  seen: number;
  expected: ReturnType<typeof outcome>;
}> {
  host.become(upgraded);
  const killed: { name: string; world: World }[] = [];
  let seen = 0;
  const ended = await host.run(
    'uninstall',
    (event) => {
      if (wanted(event) && tried(seen++)) killed.push({ name: eventName(event), world: host.copy(how) });
      return undefined;
    },
    options,
  );
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(host.violations, []);
  return { killed, seen, expected: structuredClone(outcome()) };
}

async function assertEnds(
  { killed, expected }: Pick<Awaited<ReturnType<typeof worldsAt>>, 'killed' | 'expected'>,
  options: object,
): Promise<void> {
  for (const { name, world } of killed) {
    host.become(world);
    const isGone = !existsSync(host.folder);
    const again = await host.run('uninstall', undefined, options);
    assert.equal(again.exitCode, isGone ? 10 : 0, `${name}: ${said(again)}`);
    assert.deepEqual(host.violations, [], name);
    assert.deepEqual({ name, ...outcome() }, { name, ...expected });
  }
}

for (const options of [{ deleteBackups: true }, { keepData: true }]) {
  const typed = Object.keys(options)[0] ?? 'uninstall';
  test(`killed at any place of the journal it ends the same: ${typed}`, async () => {
    const offset = 'keepData' in options ? 0 : placeStride - 1;
    const tried = (at: number) => at % placeStride === offset;
    const found = await worldsAt(options, ({ kind }) => kind === 'place', { tried });
    assert.ok(found.seen >= 18, `${found.seen} places`);
    await assertEnds(found, options);
  });
}

test('every step that has work leaves its name in the journal', async () => {
  const { killed } = await worldsAt({ keepData: true }, ({ kind }) => kind === 'place');
  const skipped = ['uninstall_data', 'uninstall_path'];
  for (const { id } of stepsOf.uninstall) {
    const isThere = killed.some(({ name }) => name.includes(`${id}:verified`));
    assert.equal(isThere, !skipped.includes(id), id);
  }
});

test('what a run passes is what the matrix of the lab kills at', async (t) => {
  const { killed } = await worldsAt({}, ({ kind }) => kind === 'place');
  const places = killed.map(({ name }) => name).filter((name) => name !== 'start');
  // Written by `node --test --test-update-snapshots` of this file.
  t.assert.fileSnapshot(places.join('\n'), passedByUninstall, { serializers: [String] });
});

test('killed around any program it ends the same', async () => {
  const tried = (at: number) => at % programStride === 0;
  const found = await worldsAt({}, ({ kind }) => kind === 'program', { tried });
  assert.ok(found.seen >= 60, `${found.seen} worlds`);
  await assertEnds(found, {});
});

const isFile = (event: HostEvent) => event.kind === 'file' && !/\/state\.json[^/]*$/.test(event.path);

test('killed around any file operation it ends the same', async () => {
  const found = await worldsAt({}, isFile, { tried: (at) => at % stride === 0 });
  assert.ok(found.seen >= 100, `${found.seen} worlds`);
  await assertEnds(found, {});
});

test('with its power cut around any file operation it ends the same', async () => {
  const tried = (at: number) => at % stride === stride - 1;
  await assertEnds(await worldsAt({}, isFile, { powerCut: true, tried }), {});
});

test('killed at any instant of its end, when nothing but its own folder is left, it ends the same', async () => {
  let isEnd = false;
  const atItsEnd = (event: HostEvent) => {
    const { run } = host.state() ?? {};
    isEnd ||= run?.status === 'completed' && run.flow === 'uninstall';
    return isEnd && event.kind === 'file' && event.phase !== 'before';
  };
  const found = await worldsAt({}, atItsEnd, { tried: (at) => at % placeStride === 0 });
  assert.ok(found.seen >= 10, `${found.seen} worlds`);
  await assertEnds(found, {});
});

test('asked to stop at any place it stops there, and ends when it is typed again', async () => {
  const { killed, expected } = await worldsAt({}, ({ kind }) => kind === 'place');
  for (const { name } of killed.slice(1).filter((_, at) => at % (2 * placeStride) === 0)) {
    host.become(upgraded);
    const place = name.replace(/^place /, '');
    const stopped = await host.run('uninstall', signalAt(place, 'SIGTERM').watch);
    assert.ok([0, 143].includes(stopped.exitCode), `${place}: ${said(stopped)}`);
    if (stopped.exitCode !== 0) assert.equal((await host.run('uninstall')).exitCode, 0, place);
    assert.deepEqual({ place, ...outcome() }, { place, ...expected });
  }
});

test('a dump of two hours ago is taken again while the product still runs, and never after', async () => {
  const { killed } = await worldsAt({}, ({ kind }) => kind === 'place');
  const at = (place: string) => killed.find(({ name }) => name.endsWith(place))!.world;
  const path = join(host.folder, '.installer/state.json');
  const age = () => {
    const { lastDump } = JSON.parse(readFileSync(path, 'utf8')).derived;
    const old = new Date(Date.now() - 7_200_000).toISOString();
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replaceAll(lastDump.takenAt, old).replaceAll(lastDump.endedAt, old),
    );
  };
  host.become(at('uninstall_release:running'));
  age();
  host.cluster.state.database.rows.push('Gullfaks A-1');
  assert.equal((await host.run('uninstall')).exitCode, 0);
  assert.ok(removedOutcome(host).files.some((line) => line.includes('Gullfaks A-1')));
  host.become(at('uninstall_objects:running'));
  age();
  const ended = await host.run('uninstall');
  assert.equal(ended.exitCode, 0, said(ended));
});

for (const [what, from] of outages) {
  test(`${what} from a place on: it says so with a hint, and ends when it is typed again`, async () => {
    const { killed, expected } = await worldsAt({}, ({ kind }) => kind === 'place');
    for (const { name } of killed.filter((_, at) => at % (4 * placeStride) === 1)) {
      host.become(upgraded);
      const fault = from(name);
      const ended = await host.run('uninstall', fault.watch);
      assert.ok([0, 3, 6].includes(ended.exitCode), `${name}: exit ${ended.exitCode}, ${said(ended)}`);
      if (ended.exitCode === 0) continue;
      assert.ok(fault.struck(), `${name}: failed by itself, ${said(ended)}`);
      assert.ok(
        ended.error instanceof IvaapError && (ended.error.hint ?? '') !== '',
        `${name}: no hint, ${said(ended)}`,
      );
      const again = await host.run('uninstall');
      assert.equal(again.exitCode, 0, `${name}: ${said(again)}`);
      assert.deepEqual({ name, ...outcome() }, { name, ...expected });
    }
  });
}
