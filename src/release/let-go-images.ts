import * as z from 'zod';
import type { State } from '../engine/state.ts';
import type { JsonObject } from '../engine/step.ts';
import type { Containerd } from '../host/containerd.ts';
import { isUnmarked } from '../images/pins.ts';

const imageLoad = z.object({ unpinned: z.array(z.string()) });

/** Names that lost their pin in the runs of a state. */
function unpinnedOf({ derived, run, madeBy }: State): string[] {
  const outs: (JsonObject | undefined)[] = Object.values(run?.steps ?? {}).map(({ out }) => out);
  const loads = [derived, madeBy?.derived, ...outs].map((one) => imageLoad.safeParse(one?.['imageLoad']));
  return loads.flatMap(({ data }) => data?.unpinned ?? []);
}

/**
 * Names of older releases that lost their pin, as far as the state and its copies in backups say it. An
 * earlier program took its mark off with it: whether it had brought them is not known any more.
 */
export const letGoNames = (states: readonly State[]): string[] =>
  [...new Set(states.flatMap(unpinnedOf))].sort();

/** Those of the names that are in containerd without a mark or a pin of anybody. */
export async function unmarkedImages(
  containerd: Containerd,
  names: readonly string[],
  product: string,
): Promise<string[]> {
  if (names.length === 0) return [];
  const wanted = new Set(names);
  return (await containerd.names())
    .filter((one) => wanted.has(one.name) && isUnmarked(one, product))
    .map(({ name }) => name);
}
