import { sideBySide } from '../../scripts/side-by-side.ts';
import { baseline } from '../crash/baseline.ts';
import type { Result } from './chain.ts';
import { runChain } from './chain.ts';
import { chains } from './table.ts';
import type { Chain } from './table.ts';

export const ids: readonly string[] = chains.flatMap(({ faults }) => faults.map(({ id }) => id));

/** The chains with only those of their faults that are wanted. */
export function chainsOf(wanted: (id: string, chain: string) => boolean): Chain[] {
  return chains
    .map((chain) => ({ ...chain, faults: chain.faults.filter(({ id }) => wanted(id, chain.name)) }))
    .filter(({ faults }) => faults.length > 0);
}

export interface Outcomes {
  results: Result[];
  /** Ids of faults of which nothing can be said: their chain broke off. */
  broken: string[];
}

interface Options {
  /** Chains side by side. */
  hosts: number;
  say: (line: string) => void;
  onChain?: (results: readonly Result[]) => Promise<void>;
}

/** Each chain on a host of its own. */
export async function goThrough(
  which: readonly Chain[],
  { hosts, say, onChain }: Options,
): Promise<Outcomes> {
  const begun = performance.now();
  const tell = (line: string) => say(`${((performance.now() - begun) / 60_000).toFixed(1)} min  ${line}`);
  const base = await baseline('upgrade');
  const outcomes: Outcomes = { results: [], broken: [] };
  await sideBySide(which, hosts, async (chain) => {
    tell(`${chain.name}: ${chain.faults.length} faults`);
    try {
      const results = await runChain(chain, base, tell);
      outcomes.results.push(...results);
      await onChain?.(results);
    } catch (error) {
      outcomes.broken.push(...chain.faults.map(({ id }) => id));
      tell(`BROKEN ${chain.name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  });
  tell('done');
  return outcomes;
}
