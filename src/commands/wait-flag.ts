import { IvaapError } from '../errors.ts';
import type { Invocation } from './command.ts';

/** An upgrade's Helm waits longer, a start of the node less. */
export const usualSeconds = 300;

/** Of `--wait [seconds]`; undefined without it. */
export function secondsOf(given: Invocation['options'][string], program: string): number | undefined {
  if (given === undefined) return undefined;
  if (given === true) return usualSeconds;
  const seconds = Number(given);
  if (typeof given === 'string' && /^\d{1,5}$/.test(given) && seconds > 0) return seconds;
  throw new IvaapError('usage', `--wait takes a number of seconds from 1 to 99999, not ${String(given)}`, {
    hint: `${program} status --wait 300`,
  });
}
