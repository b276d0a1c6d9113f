import { causeChain, IvaapError } from './errors.ts';

/**
 * The answer of a program or a file, or why there is none. No answer is never a value: not 0, not empty, not
 * "unchanged". `hint` is a command to try, where who was asked names one.
 */
export type Known<T> = { known: true; value: T } | { known: false; why: string; hint?: string | undefined };

/** The answer to a query whose failure ends nothing. */
export async function known<T>(question: Promise<T>): Promise<Known<T>> {
  try {
    return { known: true, value: await question };
  } catch (error) {
    const hint = error instanceof IvaapError ? error.hint : undefined;
    const why = causeChain(error)[0] ?? 'not answered';
    return { known: false, why, hint };
  }
}

export function mapKnown<T, U>(asked: Known<T>, change: (value: T) => U): Known<U> {
  return asked.known ? { known: true, value: change(asked.value) } : asked;
}
