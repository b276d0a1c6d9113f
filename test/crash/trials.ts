import { numbers } from '../proofs/draw.ts';
import type { Baseline } from './baseline.ts';
import { damageCases } from './cases.ts';
import type { GraphName } from './journal-places.ts';
import { listPlaces } from './places.ts';
import type { Trial } from './survive.ts';

/** Every trial of a graph's matrix: its places in their order, and the resumes over damage. */
export function trialsOf(graph: GraphName): Trial[] {
  const places = listPlaces(graph).map(({ id, kill }): Trial => ({ graph, id, kill, place: id }));
  return graph === 'upgrade' ? [...places, ...damageCases()] : places;
}

/** Kills at `count` instants of an undisturbed run's length, the same ones for the same seed. */
export function randomTrials(graph: GraphName, count: number, seed: string, { seconds }: Baseline): Trial[] {
  const source = numbers(seed);
  return Array.from({ length: count }, (_, index): Trial => {
    const afterMs = Math.round(source.next().value * seconds * 1000);
    const kill = index % 3 === 2 ? 'tree' : 'process';
    return { graph, id: `${seed}.${index + 1}`, kill, afterMs };
  });
}
