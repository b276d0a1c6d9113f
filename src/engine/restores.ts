import type { State } from './state.ts';

/** A restore as the state keeps it. */
export type Restored = NonNullable<NonNullable<State['restored']>['earlier']>[number];

/** All that are recorded, newest first. */
export function restoresIn({ restored }: Pick<State, 'restored'>): Restored[] {
  if (restored === undefined) return [];
  const { earlier = [], ...last } = restored;
  return [last, ...earlier.toReversed()];
}

/** The databases that restores have moved aside and nobody has brought back or deleted, newest first. */
export const movedIn = (state: Pick<State, 'restored'>): (Restored & { moved: string })[] =>
  restoresIn(state).flatMap((one) =>
    one.moved === null || one.discardedAt !== undefined ? [] : [{ ...one, moved: one.moved }],
  );

/** Those before the restore of the run `run`, oldest first; `brought` is the live database since. */
export const earlierRestores = (
  state: Pick<State, 'restored'>,
  { run, brought }: { run: string; brought: string | null },
): Restored[] =>
  restoresIn(state)
    .filter((one) => one.run !== run)
    .map((one) => (brought !== null && one.moved === brought ? { ...one, moved: null } : one))
    .toReversed();
