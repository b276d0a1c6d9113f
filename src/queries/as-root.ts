import { type Known, known } from '../known.ts';
import { isRoot } from '../host/system.ts';

/**
 * A part of an answer that may not be readable, mostly without root: the other parts are shown all the same.
 */
export async function knownAsRoot<T>(read: () => Promise<T>): Promise<Known<T>> {
  const answer = await known(Promise.resolve().then(read));
  if (answer.known || isRoot()) return answer;
  return { known: false, why: `only root can read it (${answer.why})` };
}
