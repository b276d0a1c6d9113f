import type { State } from '../engine/state.ts';
import { sameVersion } from '../version.ts';

/** The repair of the state after which no run has completed yet. */
export function latestRepair({ repair, installed }: State): State['repair'] {
  return repair !== undefined && (installed?.completedAt ?? '') <= repair.at ? repair : undefined;
}

/** Which versions release and chart may have, given this state. */
export function agreeingVersions(state: State) {
  const installed = state.installed?.version ?? '';
  const unfinished = [...state.history, ...(state.run === undefined ? [] : [state.run])]
    .filter(
      (run) => run.flow === 'upgrade' && run.status !== 'completed' && sameVersion(run.from ?? '', installed),
    )
    .map(({ to }) => to);
  const known = [installed, ...unfinished];
  const repair = latestRepair(state);
  return {
    known,
    unfinished,
    // The chart that a repair found on disk was shown and accepted: the next upgrade replaces it.
    onDisk: typeof repair?.chart === 'string' ? [...known, repair.chart] : known,
    // While a chart is replaced there is an instant without one; the swap then places the new one.
    mayLackChart: unfinished.length > 0 || repair?.chart === null,
  };
}
