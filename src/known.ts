import { causeChain } from './errors.ts';

/** What was asked of a program: its answer, or why there is none. No answer is never a value: not 0, not empty, not "unchanged". */
export type Known<T> = { known: true; value: T } | { known: false; why: string };

/** Of a question whose failure ends nothing. */
export async function known<T>(question: Promise<T>): Promise<Known<T>> {
  try {
    return { known: true, value: await question };
  } catch (error) {
    return { known: false, why: causeChain(error)[0] ?? 'not answered' };
  }
}
