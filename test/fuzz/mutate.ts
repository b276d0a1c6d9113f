import { numbers } from '../proofs/draw.ts';

/** Draws for one input: the same for the same seed, so that an input is known by its seed and its number. */
export interface Draw {
  /** From 0 up to and without `limit`. */
  upTo(limit: number): number;
  of<T>(all: readonly T[]): T;
}

export function drawOf(seed: string): Draw {
  const source = numbers(seed);
  const upTo = (limit: number) => Math.floor(source.next().value * limit);
  return { upTo, of: (all) => all[upTo(all.length)]! };
}

/** Numbers at which readers break. */
const edges = [
  0,
  1,
  -1,
  2,
  7,
  255,
  256,
  511,
  512,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 60,
  1e308,
  -(2 ** 53),
  0.5,
];
const texts = [
  '',
  'x',
  '../x',
  '/x',
  '__proto__',
  'index.json',
  '\u0000',
  '\u001b[2J',
  '\ud800',
  'é',
  'x'.repeat(600),
];

/**
 * Between one and four changes of bytes: bits, edges as integers of any width, ranges removed, doubled,
 * zeroed or copied over others.
 */
export function mutatedBytes(original: Buffer, draw: Draw, from = 0, to = original.length): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + draw.upTo(4); changes > 0 && bytes.length > 16; changes -= 1) {
    const limit = Math.max(1, Math.min(to, bytes.length - 8) - from);
    const at = Math.min(from + draw.upTo(limit), bytes.length - 8);
    const length = 1 + draw.upTo(Math.min(64, bytes.length - at));
    const change = draw.upTo(6);
    if (change === 0) bytes[at]! ^= 1 << draw.upTo(8);
    else if (change === 1) bytes[at] = draw.upTo(256);
    else if (change === 2) {
      const edge = draw.of(edges);
      if (Number.isSafeInteger(edge)) bytes.writeBigInt64LE(BigInt(edge), at);
    } else if (change === 3) bytes.fill(draw.upTo(2) * 255, at, at + length);
    else if (change === 4) bytes.copyWithin(at, draw.upTo(bytes.length), bytes.length - draw.upTo(length));
    else {
      const piece = draw.upTo(2) === 0 ? Buffer.alloc(0) : bytes.subarray(at, at + 2 * length);
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + length)]);
    }
  }
  return bytes;
}

/**
 * The same value with one to three changes somewhere inside: other types, edges, keys and elements removed,
 * doubled or swapped.
 */
export function mutatedValue(original: unknown, draw: Draw): unknown {
  const value = structuredClone(original);
  for (let changes = 1 + draw.upTo(3); changes > 0; changes -= 1) change(value, draw);
  return value;
}

function change(root: unknown, draw: Draw): void {
  let parent = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(parent);
    if (keys.length === 0) return;
    const key = draw.of(keys);
    const child = parent[key];
    const isInner = typeof child === 'object' && child !== null;
    if (isInner && draw.upTo(4) > 0) {
      parent = child as Record<string, unknown>;
      continue;
    }
    const other = parent[draw.of(keys)];
    const made = draw.of([
      () => draw.of(edges),
      () => draw.of(texts),
      () => other,
      () => null,
      () => [],
      () => ({}),
      () => [child, child],
      () => (typeof child === 'number' ? child + draw.upTo(9) - 4 : true),
    ])();
    if (draw.upTo(5) > 0) parent[key] = made;
    else if (Array.isArray(parent)) (parent as unknown[]).splice(Number(key), draw.upTo(2), child);
    else delete parent[key];
    return;
  }
}

/** Lines with one to three of them changed, doubled, swapped or left out. */
export function mutatedLines(text: string, draw: Draw): string {
  const lines = text.split('\n');
  for (let changes = 1 + draw.upTo(3); changes > 0; changes -= 1) {
    const at = draw.upTo(lines.length);
    const [name = '', value = ''] = (lines[at] ?? '').split(': ');
    const made = draw.of([
      () => `${name}: ${draw.of(edges)}`,
      () => `${name}: ${draw.of(texts)}`,
      () => `${name}: ${value.slice(draw.upTo(value.length + 1))}`,
      () => `${name}: 0${value}`,
      () => lines[draw.upTo(lines.length)] ?? '',
      () => `${lines[at]}\n${lines[at]}`,
    ])();
    if (draw.upTo(6) === 0) lines.splice(at, 1);
    else lines[at] = made;
  }
  return lines.join('\n');
}
