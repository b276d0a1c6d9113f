import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseState } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { outcome, run, undisturbed } from './crash-graph.ts';
import type { Loss } from './faulty-disk.ts';
import { FaultyDisk, losses } from './faulty-disk.ts';
import type { World } from './sample-graph.ts';
import { openJournal, statePath } from './sample-graph.ts';

/**
 * What a power cut before an operation leaves, to be booted as often as wanted: each time with a copy of
 * `effects`.
 */
async function cutBefore(dieAt: number, seed: number): Promise<{ disk: FaultyDisk; effects: string[] }> {
  const disk = new FaultyDisk();
  disk.dieAt = dieAt;
  const world: World = { effects: [] };
  await run(disk, world, seed);
  return { disk, effects: world.effects };
}

async function survives(dieAt: number, of: readonly Loss[], seed: number, expected: unknown) {
  const { disk, effects } = await cutBefore(dieAt, seed);
  assert.equal(disk.dead, true, `operation ${dieAt} was never reached`);
  for (const loss of of) {
    const tearAt = loss === 'torn' ? 0.7 : 0;
    const next = disk.afterCrash(loss, tearAt);
    const world: World = { effects: [...effects] };
    const place = `power cut before operation ${dieAt}, ${loss} at ${tearAt}, order ${seed}`;
    assert.equal(await run(next, world, seed), undefined, place);
    assert.deepEqual(await outcome({ disk: next, world, events: [] }), expected, place);
  }
}

test('a power cut before any disk operation, with any loss or torn write, ends as an undisturbed run after the same command', async () => {
  let tried = 0;
  const { expected, operations } = await undisturbed(1);
  for (let dieAt = 1; dieAt <= operations; dieAt += 1) {
    await survives(dieAt, losses, 1, expected);
    tried += losses.length;
  }
  assert.ok(tried >= 200, `${tried} places`);
});

/**
 * The places that a durable state is at: `STEP:running`, `STEP:MIDPOINT` or `STEP:verified` of each running
 * step.
 */
function placesOf(disk: FaultyDisk): string[] {
  const text = disk.durable(statePath);
  if (text === undefined) return [];
  const running = Object.entries(parseState(text, statePath).run?.steps ?? {}).filter(
    ([, { status }]) => status === 'running',
  );
  return running.length === 0 ? ['start'] : running.map(([id, { place }]) => `${id}:${place ?? 'running'}`);
}

test('a kill at each place that the journal names is survived: before the first step, and three in each step', async () => {
  const { expected, operations } = await undisturbed(1);
  const tried = new Set<string>();
  for (let dieAt = 1; dieAt <= operations; dieAt += 1) {
    const { disk, effects } = await cutBefore(dieAt, 1);
    const world: World = { effects };
    const next = disk.afterCrash('unsynced-lost');
    const places = placesOf(disk).filter((place) => !tried.has(place));
    if (places.length === 0) continue;
    assert.equal(await run(next, world, 1), undefined, places.join());
    assert.deepEqual(await outcome({ disk: next, world, events: [] }), expected, places.join());
    places.forEach((place) => tried.add(place));
  }
  const wanted = ['a', 'side', 'b', 'c'].flatMap((id) =>
    ['running', 'halfway', 'verified'].map((place) => `${id}:${place}`),
  );
  assert.deepEqual([...tried].sort(), ['start', ...wanted].sort());
});

test('the same holds in every order that the graph leaves free', async () => {
  for (const seed of [2, 3, 5, 8, 13]) {
    const { expected, operations } = await undisturbed(seed);
    for (let dieAt = seed; dieAt <= operations; dieAt += 6) {
      await survives(dieAt, ['unsynced-lost'], seed, expected);
    }
  }
});

test('a journal without fsync is caught', async () => {
  const disk = new FaultyDisk();
  disk.sync = () => Promise.resolve();
  const error = await run(disk, { effects: [] }, 1);
  assert.match(error instanceof Error ? error.message : '', /state file .* is damaged/);
});

test('a second power cut during the resumed run is survived too', async () => {
  const { expected, operations } = await undisturbed(1);
  for (let first = 1; first <= operations; first += 7) {
    const { disk, effects } = await cutBefore(first, 1);
    for (let second = 1; second <= 20; second += 2) {
      const world: World = { effects: [...effects] };
      const resumed = disk.afterCrash('unsynced-lost');
      resumed.dieAt = second;
      await run(resumed, world, 1);
      const last = resumed.dead ? resumed.afterCrash('torn') : resumed;
      if (resumed.dead) assert.equal(await run(last, world, 1), undefined);
      assert.deepEqual(
        await outcome({ disk: last, world, events: [] }),
        expected,
        `${first}, then ${second}`,
      );
    }
  }
});

test('an operation that the disk refuses ends the run with a hint, and the same command resumes once it is fixed', async () => {
  const { expected, operations } = await undisturbed(1);
  for (const kind of ['ENOSPC', 'EIO']) {
    for (let failAt = 1; failAt <= operations; failAt += 1) {
      const disk = new FaultyDisk();
      const world: World = { effects: [] };
      disk.fail = (_, __, count) =>
        count === failAt ? Object.assign(new Error(kind), { code: kind, syscall: 'write' }) : undefined;
      const error = await run(disk, world, 1);
      // The removal of a temporary file and the record of a failure may fail without harm; everything else
      // must be said.
      if (error !== undefined) {
        assert.ok(error instanceof IvaapError, String(error));
        assert.equal(error.code, 'failed');
        assert.match(error.hint ?? '', /(\.\/p install|run the same command again)$/);
      }
      disk.fail = () => undefined;
      assert.equal(await run(disk, world, 1), undefined);
      assert.deepEqual(await outcome({ disk, world, events: [] }), expected, `${kind} at ${failAt}`);
    }
  }
});

test('a disk that stays full keeps the last durable state and the error of the first failure', async () => {
  const { operations } = await undisturbed(1);
  for (let failFrom = 6; failFrom <= operations; failFrom += 1) {
    const disk = new FaultyDisk();
    disk.fail = (operation, _, count) =>
      count >= failFrom && operation === 'write'
        ? Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
        : undefined;
    const error = await run(disk, { effects: [] }, 1);
    if (error === undefined) continue;
    assert.ok(error instanceof IvaapError);
    assert.match(error.message, /state file .* cannot be written/);
    assert.equal((await openJournal(disk)).run?.status, 'running');
  }
});
