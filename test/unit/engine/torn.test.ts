import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readState } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { outcome, run, undisturbed } from './crash-graph.ts';
import { FaultyDisk } from './faulty-disk.ts';
import type { World } from './sample-graph.ts';
import { openJournal, statePath } from './sample-graph.ts';

/**
 * Where a write may be torn: nothing of it, one byte, each line's end and the byte after, and all but the
 * last byte.
 */
function cutsOf(text: string): number[] {
  const ends = [...text.matchAll(/\n/g)].flatMap(({ index }) => [index, index + 1]);
  return [...new Set([0, 1, ...ends, text.length - 1])].filter((cut) => cut < text.length);
}

/** Numbers, from 1, of the operations of one kind. */
function numbersOf(kinds: readonly string[], kind: string): number[] {
  return kinds.flatMap((found, place) => (found === kind ? [place + 1] : []));
}

/** The disk right before operation `count`, its machine dead. */
async function diedAt(count: number): Promise<{ disk: FaultyDisk; world: World }> {
  const disk = new FaultyDisk();
  disk.dieAt = count;
  const world: World = { effects: [] };
  await run(disk, world, 1);
  assert.equal(disk.dead, true);
  return { disk, world };
}

const refusal = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' });

test('a write torn at any place leaves the state before it intact', async () => {
  const { kinds, expected } = await undisturbed(1);
  let cuts = 0;
  // What was written is not yet durable before the sync that follows.
  for (const count of numbersOf(kinds, 'write').map((write) => write + 1)) {
    const { disk, world } = await diedAt(count);
    const text = disk.seen(`${statePath}.partial`);
    if (text === undefined) continue;
    const durable = disk.durable(statePath);
    // Of the first and smallest file every byte.
    const places =
      durable === undefined ? Array.from({ length: text.length }, (_, cut) => cut) : cutsOf(text);
    for (const cut of places) {
      const next = disk.afterCrash('torn', cut === 0 ? 0 : Math.max(cut, 1));
      assert.equal(next.durable(statePath), durable, `operation ${count} cut at ${cut}`);
      cuts += 1;
    }
    for (const cut of [places[0], places.at(-1)]) {
      const next = disk.afterCrash('torn', cut);
      const again: World = { effects: [...world.effects] };
      assert.equal(await run(next, again, 1), undefined);
      assert.deepEqual(await outcome({ disk: next, world: again, events: [] }), expected);
    }
  }
  assert.ok(cuts > 2000, `${cuts} cuts`);
});

test('a state file that is torn all the same is refused at any byte, never read as less', async () => {
  const disk = new FaultyDisk();
  assert.equal(await run(disk, { effects: [] }, 1), undefined);
  const text = disk.durable(statePath) ?? '';
  // Without its last line's end it is complete.
  for (let cut = 0; cut < text.trimEnd().length; cut += 1) {
    const torn = new FaultyDisk();
    await torn.write(statePath, text.slice(0, cut));
    await assert.rejects(readState(statePath, torn), (error: unknown) => {
      return error instanceof IvaapError && error.code === 'preflight' && /damaged/.test(error.message);
    });
  }
});

test('an fsync that fails, or a rename that is lost with the power, ends as an undisturbed run after the same command', async () => {
  const { kinds, expected } = await undisturbed(1);
  for (const kind of ['sync', 'rename']) {
    for (const failAt of numbersOf(kinds, kind)) {
      const disk = new FaultyDisk();
      const world: World = { effects: [] };
      disk.fail = (operation, _, count) => {
        if (count !== failAt || operation !== kind) return undefined;
        return refusal('EIO');
      };
      const error = await run(disk, world, 1);
      assert.ok(error instanceof IvaapError, `${kind} ${failAt} is said`);
      const next = disk.afterCrash('unsynced-lost');
      assert.equal(await run(next, world, 1), undefined, `${kind} ${failAt}`);
      assert.deepEqual(await outcome({ disk: next, world, events: [] }), expected, `${kind} ${failAt}`);
    }
  }
});

test('a disk that fills in the middle of any write keeps the state, removes the part and continues once there is room', async () => {
  const { kinds, expected } = await undisturbed(1);
  for (const part of [0, 0.5, 0.999]) {
    for (const failAt of numbersOf(kinds, 'write')) {
      const disk = new FaultyDisk();
      const world: World = { effects: [] };
      disk.leavesPart = part;
      disk.fail = (operation, _, count) => {
        if (count !== failAt || operation !== 'write') return undefined;
        return refusal('ENOSPC');
      };
      const error = await run(disk, world, 1);
      assert.ok(error instanceof IvaapError && error.code === 'failed', `write ${failAt}`);
      assert.ok(!disk.names.includes(`${statePath}.partial`));
      await openJournal(disk);
      assert.equal(await run(disk, world, 1), undefined);
      assert.deepEqual(await outcome({ disk, world, events: [] }), expected, `write ${failAt}, ${part} left`);
    }
  }
});
