import { numbers } from '../proofs/draw.ts';
import type { Described, Region } from './fields.ts';
import { fieldsOf, regionsOf } from './fields.ts';

/** One damage: bytes that are other ones, a file cut off, or bytes that came in between. */
export interface Damage {
  kind: 'bit' | 'cut' | 'zeroed' | 'swapped' | 'repeated' | 'inserted';
  /** Names it for `--only` and in messages. */
  id: string;
  /** In place. */
  patches: { at: number; bytes: Buffer }[];
  /** Length of the file afterwards, when it was cut off. */
  cutAt?: number;
  insert?: { at: number; bytes: Buffer };
  /** Tried through the executable itself and not by the reader in this process. */
  executable?: true;
}

/** How many of each. Fields count as bits. */
const counts = { bits: 2_200, headBits: 50, cuts: 300, larger: 200, executable: 100, executableHead: 20 };

/**
 * All damages of a payload of `described`, the same for the same seed. `head`: length of the real
 * executable's head.
 */
export function allDamages(described: Described, seed: string): Damage[] {
  const random = numbers(seed);
  const upTo = (limit: number) => Math.floor(random.next().value * limit);
  const between = ({ from, to }: Pick<Region, 'from' | 'to'>) => from + upTo(to - from);
  const { bytes, index, trailer } = described;
  const behindHead = { from: index.headSize, to: trailer.fileSize };

  const bit = (at: number, what: string) => bitOf(bytes, at, upTo(8), what);
  const cut = (cutAt: number): Damage => ({ kind: 'cut', id: `cut at ${cutAt}`, patches: [], cutAt });

  const fields = fieldsOf(described).map((field) => bit(between(field), field.name));
  const byWeight = Array.from({ length: Math.max(0, counts.bits - fields.length) }, () =>
    bit(between(behindHead), 'behind the head'),
  );
  const head = Array.from({ length: counts.headBits }, () => bit(upTo(index.headSize), 'head'));
  // A third of the cuts near the borders of regions, where an off-by-one would sit.
  const borders = regionsOf(described).map(({ to }) => to);
  const cuts = Array.from({ length: counts.cuts }, (_, number) =>
    cut(
      number % 3 === 0
        ? Math.min(borders[upTo(borders.length)]! + upTo(5) - 3, trailer.fileSize - 1)
        : upTo(trailer.fileSize),
    ),
  );
  const larger = Array.from({ length: counts.larger }, (_, number) =>
    largerDamage(described, number, between, upTo),
  );
  return [...fields, ...byWeight, ...head, ...cuts, ...larger];
}

/** A bit in every field of the trailer: for files whose trailer has other lines. */
export function trailerDamages(described: Described, seed: string): Damage[] {
  const random = numbers(`${seed} trailer`);
  const fields = fieldsOf(described).filter(({ from }) => from >= described.commentOffset);
  return fields.map(({ name, from, to }) => {
    const at = from + Math.floor(random.next().value * (to - from));
    return bitOf(described.bytes, at, Math.floor(random.next().value * 8), `unsigned, ${name}`);
  });
}

function bitOf(bytes: Buffer, at: number, which: number, what: string): Damage {
  return {
    kind: 'bit',
    id: `bit ${which} of byte ${at} (${what})`,
    patches: [{ at, bytes: Buffer.from([bytes[at]! ^ (1 << which)]) }],
  };
}

/** Ranges of 16 bytes to a mebibyte, the small ones more often, so that each kind meets small regions too. */
function largerDamage(
  { bytes, index, trailer }: Described,
  number: number,
  between: (range: { from: number; to: number }) => number,
  upTo: (limit: number) => number,
): Damage {
  for (;;) {
    const length = 16 * 2 ** upTo(17);
    const range = { from: index.headSize, to: trailer.fileSize - 2 * length };
    const at = between(range);
    const other = between(range);
    const piece = bytes.subarray(at, at + length);
    const made: Damage[] = [
      {
        kind: 'zeroed',
        id: `${length} bytes zeroed at ${at}`,
        patches: [{ at, bytes: Buffer.alloc(length) }],
      },
      {
        kind: 'swapped',
        id: `${length} bytes at ${at} and at ${other} swapped`,
        patches: [
          { at, bytes: bytes.subarray(other, other + length) },
          { at: other, bytes: piece },
        ],
      },
      {
        kind: 'repeated',
        id: `${length} bytes at ${at} twice`,
        patches: [{ at: at + length, bytes: piece }],
      },
      {
        kind: 'inserted',
        id: `${length} bytes inserted at ${at}`,
        patches: [],
        insert: { at, bytes: bytes.subarray(other, other + length) },
      },
    ];
    const damage = made[number % made.length]!;
    const overlap = damage.kind === 'swapped' && Math.abs(at - other) < length;
    const changes =
      damage.insert !== undefined ||
      damage.patches.some(
        ({ at, bytes: changed }) => !bytes.subarray(at, at + changed.length).equals(changed),
      );
    if (!overlap && changes) return damage;
  }
}

/**
 * Through the executable: bits only, a fifth of them in its head, the rest behind it by weight and at the
 * borders of regions.
 */
export function executableDamages(described: Described, seed: string): Damage[] {
  const random = numbers(`${seed} executable`);
  const upTo = (limit: number) => Math.floor(random.next().value * limit);
  const { bytes, index, trailer } = described;
  const borders = regionsOf(described)
    .slice(1)
    .map(({ from }) => from);
  return Array.from({ length: counts.executable }, (_, number): Damage => {
    const inHead = number < counts.executableHead;
    const place =
      number % 2 === 0
        ? borders[upTo(borders.length)]! + upTo(64)
        : index.headSize + upTo(trailer.fileSize - index.headSize);
    const at = inHead ? upTo(index.headSize) : place;
    return { ...bitOf(bytes, at, upTo(8), 'the executable'), executable: true };
  });
}
