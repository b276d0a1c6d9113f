import { IvaapError } from '../errors.ts';
import type { FlowPorts } from '../session/ports.ts';

export interface Question {
  text: string;
  /** What has to be typed for a yes; undefined: `y`. */
  word?: string;
  /** What to type instead, after the answer no. */
  hint: string;
}

/** A question that was answered with yes, and how long it waited. */
export interface Answer {
  question: string;
  waitedMs: number;
}

/** Measurements from before a question are used for this long; after that the host is measured again. */
const freshMs = 60_000;

export const isFresh = ({ waitedMs }: Answer): boolean => waitedMs < freshMs;

/** Throws `declined` for a no, and the signal's reason after a request to stop. */
export async function confirmed(
  { confirm }: Pick<FlowPorts, 'confirm'>,
  { text, word, hint }: Question,
): Promise<Answer> {
  const asked = performance.now();
  const yes = await confirm?.(text, word);
  if (yes === true) return { question: text, waitedMs: performance.now() - asked };
  throw new IvaapError('declined', 'not confirmed: nothing was changed', { hint });
}
