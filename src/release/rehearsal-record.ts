import type { State } from '../engine/state.ts';
import type { Product } from '../payload/product-schema.ts';
import { rehearsalSentence, unendedSentence } from '../policy/rehearsal-text.ts';
import { sameRecordedVersion } from '../version.ts';

/** How a rehearsal ended, as the state keeps it. */
export type Rehearsed = NonNullable<State['rehearsed']>;

const hourMs = 3_600_000;

/**
 * One line of the last rehearsal that was of this very upgrade and is not too old, and of one since then that
 * was cut off.
 */
export function rehearsedText(
  { rehearsed, unendedRehearsal }: Pick<State, 'rehearsed' | 'unendedRehearsal'>,
  { product, from, digest }: { product: Product; from: string; digest: string },
  now: Date,
): string | undefined {
  const { maxAgeHours } = product.rehearsal ?? {};
  if (maxAgeHours === undefined) return undefined;
  const textOf = <One extends Known>(one: One | undefined, say: (one: One) => string) => {
    if (one === undefined) return [];
    if (one.payloadDigest !== digest || !sameRecordedVersion(one.from, from)) return [];
    const age = now.getTime() - Date.parse(one.at);
    return age > maxAgeHours * hourMs ? [] : [`rehearsed ${ageText(age)}: ${say(one)}`];
  };
  const told = [...textOf(rehearsed, rehearsalSentence), ...textOf(unendedRehearsal, unendedSentence)];
  return told.length === 0 ? undefined : told.join('; ');
}

type Known = Pick<Rehearsed, 'at' | 'from' | 'payloadDigest'>;

const ageText = (ms: number): string =>
  ms < hourMs ? `${Math.max(1, Math.round(ms / 60_000))} min ago` : `${Math.round(ms / hourMs)} h ago`;
