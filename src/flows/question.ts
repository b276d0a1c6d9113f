import { IvaapError } from '../errors.ts';
import type { FlowPorts } from '../session/ports.ts';

/** A question that was answered with yes, and how long it had waited. */
export interface Answer {
  question: string;
  waitedMs: number;
}

/** What was measured before a question holds for so long; after that the host is measured again. */
const freshMs = 60_000;

export const isFresh = ({ waitedMs }: Answer): boolean => waitedMs < freshMs;

/** Throws `declined` for a no, what the signal says when it was asked to stop; `hint` is the command that asks again. */
export async function confirmed(
  { confirm }: Pick<FlowPorts, 'confirm'>,
  question: string,
  hint: string,
): Promise<Answer> {
  const asked = performance.now();
  const yes = await confirm?.(question);
  if (yes === true) return { question, waitedMs: performance.now() - asked };
  throw new IvaapError('declined', 'not confirmed: nothing was changed', { hint });
}
