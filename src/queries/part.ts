import { causeChain, IvaapError } from '../errors.ts';
import { isRoot } from '../host/system.ts';

/** A part of an answer that may be out of reach: nothing that cannot be read hides what can. */
export type Part<T> = { known: true; value: T } | { known: false; why: string; hint?: string };

export async function part<T>(read: () => Promise<T>): Promise<Part<T>> {
  try {
    return { known: true, value: await read() };
  } catch (error) {
    const why = causeChain(error)[0] ?? 'it cannot be read';
    if (!isRoot()) return { known: false, why: `only root may read it (${why})` };
    const hint = error instanceof IvaapError ? error.hint : undefined;
    return { known: false, why, ...(hint === undefined ? {} : { hint }) };
  }
}

export function mapPart<T, U>(asked: Part<T>, change: (value: T) => U): Part<U> {
  return asked.known ? { known: true, value: change(asked.value) } : asked;
}
