import assert from 'node:assert/strict';
import { parseState } from '../../../src/engine/state.ts';
import { FaultyDisk, PowerCut } from './faulty-disk.ts';
import type { Host, World } from './sample-graph.ts';
import { invoke, openJournal, statePath, step } from './sample-graph.ts';

/**
 * Idempotent steps, as steps must be: the world is a set of effects. Each asserts that what is durable at the
 * time of its effect says `running`: a record written after the effect, or without fsync, is caught here.
 */
function graph(disk: FaultyDisk) {
  const effect = (id: string, needs: string[] = []) =>
    step(id, {
      needs,
      run: async (io, world) => {
        if (disk.dead) throw new PowerCut();
        const durable = parseState(disk.durable(statePath) ?? '', statePath);
        assert.equal(durable.run?.steps[id]?.status, 'running', `${id} acts before its record is durable`);
        if (!world.effects.includes(`${id}:begun`)) world.effects.push(`${id}:begun`);
        await io.record({ [`${id}Part`]: true });
        await io.checkpoint('halfway');
        if (id === 'c') await io.pointOfNoReturn({ tool: 'began' });
        if (!world.effects.includes(id)) world.effects.push(id);
        return { [id]: { path: `/backups/${id}` } };
      },
    });
  return [effect('a'), effect('side', ['a']), effect('b', ['a']), effect('c', ['b', 'side'])];
}

/** What must be the same as after an undisturbed run: everything but times and attempts. */
export async function outcome(host: Host) {
  const { state } = await openJournal(host.disk);
  const steps = Object.entries(state.run?.steps ?? {}).map(([id, { status, out, recorded }]) => ({
    id,
    status,
    out,
    recorded,
  }));
  steps.sort((left, right) => left.id.localeCompare(right.id));
  return {
    steps,
    run: state.run?.status,
    version: state.installed?.version,
    derived: Object.entries(state.derived).sort(([left], [right]) => left.localeCompare(right)),
    anchors: Object.keys(state.anchors),
    effects: [...host.world.effects].sort(),
  };
}

/** One invocation that may die; the world outlives it, as a real one does. */
export async function run(disk: FaultyDisk, world: World, seed: number): Promise<unknown> {
  const arrange = (ready: string[]) =>
    ready.toSorted((left, right) => order(left, seed) - order(right, seed));
  return invoke({ disk, world, events: [] }, graph(disk), { arrange }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

const order = (id: string, seed: number) =>
  [...id].reduce((sum, char) => sum * 31 + char.charCodeAt(0), seed) % 97;

export async function undisturbed(seed: number) {
  const disk = new FaultyDisk();
  const world: World = { effects: [] };
  assert.equal(await run(disk, world, seed), undefined);
  return {
    expected: await outcome({ disk, world, events: [] }),
    operations: disk.operations,
    kinds: disk.kinds,
  };
}
