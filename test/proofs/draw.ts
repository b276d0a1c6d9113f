import { createHash } from 'node:crypto';

/** Numbers from 0 up to 1 that are the same for the same seed. */
export function* numbers(seed: string): Generator<number, never> {
  for (let count = 0; ; count += 1) {
    yield createHash('sha256').update(`${seed} ${count}`).digest().readUInt32BE() / 2 ** 32;
  }
}

/** `count` different ones of `all`, in their order; the same for the same seed. */
export function drawn<T>(all: readonly T[], count: number, seed: string): T[] {
  const source = numbers(seed);
  const left = all.map((_, index) => index);
  const chosen = new Set<number>();
  while (chosen.size < Math.min(count, all.length)) {
    const [index] = left.splice(Math.floor(source.next().value * left.length), 1);
    chosen.add(index as number);
  }
  return all.filter((_, index) => chosen.has(index));
}
