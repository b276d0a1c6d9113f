import { lstatSync } from 'node:fs';
import { Journal } from '../engine/journal.ts';
import type { State } from '../engine/state.ts';
import { ownerOf, readStateOf } from '../engine/whose-state.ts';
import { IvaapError } from '../errors.ts';
import type { OpenedPayload } from './opened-payload.ts';

/**
 * Whether anything exists at the state's path; a broken link counts. Nothing does below what is no folder.
 */
export function stateIsThere({ state }: Pick<OpenedPayload['paths'], 'state'>): boolean {
  try {
    return lstatSync(state, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (['ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

type Place = Pick<OpenedPayload, 'paths' | 'product'>;

/**
 * This product's state; undefined where there is none. A state that cannot be used throws, with the command
 * that repairs it.
 */
export function readOwnState({ paths, product }: Place, program: string): Promise<State | undefined> {
  return withWayBack(program, () => readStateOf(ownerOf(product), paths.state));
}

/** The journal of this host; throws the same errors. */
export function openJournal({ paths, product }: Place, program: string): Promise<Journal> {
  return withWayBack(program, () => Journal.open({ path: paths.state, ...ownerOf(product) }));
}

/**
 * Adds `repair-state` as the hint. A copy from a backup is from the middle of a run: no message suggests to
 * restore it. Where the engine has its own hint, a repair does not help: the file is a newer program's, or
 * its disk cannot be read.
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

/** Whether what {@link readOwnState} threw is about the file's contents, which a repair can rebuild. */
export const isRepairable = (error: unknown, program: string): boolean =>
  error instanceof IvaapError && error.hint === repairHint(program);
