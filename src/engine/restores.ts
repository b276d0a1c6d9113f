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

/** The data folders that restores have moved aside and no later one has brought back, newest first. */
export const foldersIn = (
  state: Pick<State, 'restored'>,
): (Restored & { folder: NonNullable<Restored['folder']> })[] =>
  restoresIn(state).flatMap((one) => (one.folder == null ? [] : [{ ...one, folder: one.folder }]));

/** Those before the restore of `run`, oldest first; `brought`, a database or a folder, is live since. */
export const earlierRestores = (
  state: Pick<State, 'restored'>,
  { run, brought }: { run: string; brought: { database: string | null; folder: string | null } },
): Restored[] =>
  restoresIn(state)
    .filter((one) => one.run !== run)
    .map((one) => ({
      ...one,
      ...(one.moved !== null && one.moved === brought.database && { moved: null }),
      ...(one.folder != null && one.folder.path === brought.folder && { folder: null }),
    }))
    .toReversed();
