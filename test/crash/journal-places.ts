import type { State } from '../../src/engine/state.ts';

export const graphNames = ['upgrade', 'install', 'rollback', 'uninstall', 'restore', 'rehearse'] as const;
export type GraphName = (typeof graphNames)[number];

/**
 * The places that a journal names: one for each step that is running; none when no run of this flow is
 * unfinished.
 */
export function placesOf(state: Pick<State, 'run'>, graph: GraphName): string[] {
  const { run } = state;
  if (run === undefined || run.flow !== graph || run.status !== 'running') return [];
  const steps = Object.entries(run.steps);
  if (steps.length === 0) return ['start'];
  return steps
    .filter(([, { status }]) => status === 'running')
    .map(([id, { place = 'running' }]) => `${id}:${place}`);
}
