import type { State } from '../engine/state.ts';
import type { Product } from '../payload/product-schema.ts';
import { rehearsalSentence } from '../policy/rehearsal-text.ts';
import { sameRecordedVersion } from '../policy/version.ts';

/** How a rehearsal ended, as the state keeps it. */
export type Rehearsed = NonNullable<State['rehearsed']>;

const hourMs = 3_600_000;

/** One line of the last rehearsal, where it was of this very upgrade and is not too old. */
export function rehearsedText(
  { rehearsed }: Pick<State, 'rehearsed'>,
  { product, from, digest }: { product: Product; from: string; digest: string },
  now: Date,
): string | undefined {
  const { maxAgeHours } = product.rehearsal ?? {};
  if (rehearsed === undefined || maxAgeHours === undefined) return undefined;
  if (rehearsed.payloadDigest !== digest || !sameRecordedVersion(rehearsed.from, from)) return undefined;
  const age = now.getTime() - Date.parse(rehearsed.at);
  if (age > maxAgeHours * hourMs) return undefined;
  return `rehearsed ${ageText(age)}: ${rehearsalSentence(rehearsed)}`;
}

const ageText = (ms: number): string =>
  ms < hourMs ? `${Math.max(1, Math.round(ms / 60_000))} min ago` : `${Math.round(ms / hourMs)} h ago`;
