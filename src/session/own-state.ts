import { lstatSync } from 'node:fs';
import { Journal } from '../engine/journal.ts';
import { assertProduct, readState, type State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { OpenedPayload } from './opened-payload.ts';

/** Whether anything is at the state's place: a link that leads nowhere is not nothing. */
export const stateIsThere = ({ state }: Pick<OpenedPayload['paths'], 'state'>): boolean =>
  lstatSync(state, { throwIfNoEntry: false }) !== undefined;

type Place = Pick<OpenedPayload, 'paths' | 'product'>;

/**
 * This product's state; undefined where there is none. What cannot be gone by says so, with the command that
 * mends it.
 */
export function readOwnState({ paths, product }: Place, program: string): Promise<State | undefined> {
  return withWayBack(program, async () => {
    const state = await readState(paths.state);
    assertProduct(state, paths.state, product.name);
    return state;
  });
}

/** The journal of this host, refused in the same words. */
export function openJournal({ paths, product }: Place, program: string): Promise<Journal> {
  return withWayBack(program, () => Journal.open({ path: paths.state, product: product.name }));
}

/**
 * A copy from a backup is from the middle of a run: it is never told to be put in the place of what was lost.
 * Where the engine names something to do itself, no repair helps: the file is a newer program's, or its disk
 * does not give it.
 */
async function withWayBack<T>(program: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof IvaapError) || error.hint !== undefined) throw error;
    throw error.with({ hint: repairHint(program) });
  }
}

const repairHint = (program: string) => `${program} repair-state`;

/** Whether what {@link readOwnState} threw is about the file's contents, which a repair can make anew. */
export const isRepairable = (error: unknown, program: string): boolean =>
  error instanceof IvaapError && error.hint === repairHint(program);
