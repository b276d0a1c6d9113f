import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IvaapError } from '../errors.ts';
import { rangesWithin } from './byte-ranges.ts';
import type { DamagedChunk } from './chunked-file.ts';
import { chunkBounds } from './format/chunks.ts';
import type { PlacedEntry } from './format/entries.ts';
import { localHeader, placedEntries } from './format/entries.ts';
import type { PayloadIndex } from './format/index-schema.ts';
import { damagedRange } from './payload-errors.ts';
import type { ReadAt } from './position-reader.ts';

/** The head in a list of damages, beside the names of entries. */
export const headName = 'the executable itself';

/** Damaged bytes [from, to) of the file and what they belong to. */
export interface Damage {
  what: string;
  from: number;
  to: number;
}

/** A file whose index is known. */
interface IndexedFile {
  displayName: string;
  readAt: ReadAt;
  indexEnd: number;
  index: () => Promise<PayloadIndex>;
}

/** What is damaged in a chunk while `read` was read: not always that, since entries share chunks. */
export async function damageOf(
  payload: IndexedFile,
  { number, cause }: DamagedChunk,
  read: readonly PlacedEntry[],
): Promise<IvaapError> {
  const damages = await namedDamages(payload, [number]);
  const named = damages.find(({ what }) => read.some(({ name }) => name === what)) ?? damages[0];
  if (named !== undefined) return damagedRange(payload.displayName, named.what, named.from, named.to, cause);
  // Whole when it was read again: the disk, or memory, is not to be relied on.
  const { from, to } = chunkBounds((await payload.index()).chunks, number);
  const inReach = read.find((entry) => entry.headerOffset < to && entry.offset + entry.size > from);
  return damagedRange(payload.displayName, inReach?.name ?? 'what was read', from, to, cause);
}

/**
 * From damaged chunks to what is in them: each entry in reach is checked by itself, what no entry explains
 * is the head's.
 */
export async function namedDamages(
  payload: IndexedFile,
  numbers: readonly number[],
  signal?: AbortSignal,
): Promise<Damage[]> {
  const index = await payload.index();
  const within = rangesWithin(
    placedEntries(index, payload.indexEnd).map((entry) => ({
      entry,
      from: entry.headerOffset,
      to: entry.offset + entry.size,
    })),
  );
  const verdicts = new Map<string, boolean>();
  const isWhole = async (entry: PlacedEntry): Promise<boolean> => {
    const verdict = verdicts.get(entry.name) ?? (await matchesIndex(payload, entry, signal));
    verdicts.set(entry.name, verdict);
    return verdict;
  };
  const damages: Damage[] = [];
  for (const [at, number] of numbers.entries()) {
    // Whoever asks to stop is heard, also where nothing has to be read.
    if (at % 1000 === 999) await nextTurn();
    signal?.throwIfAborted();
    const { from, to } = chunkBounds(index.chunks, number);
    const found: Damage[] = [];
    for (const { entry, ...range } of within({ from, to })) {
      if (await isWhole(entry)) continue;
      found.push({ what: entry.name, from: Math.max(from, range.from), to: Math.min(to, range.to) });
    }
    if (found.length === 0) found.push({ what: headName, from, to: Math.min(to, index.headSize) });
    for (const damage of found) {
      const before = damages.at(-1);
      if (before?.what === damage.what && before.to === damage.from) before.to = damage.to;
      else damages.push(damage);
    }
  }
  return damages;
}

/** Whether an entry, or its content alone, is what the index says. */
export async function matchesIndex(
  payload: Pick<IndexedFile, 'readAt'>,
  entry: PlacedEntry,
  signal: AbortSignal | undefined,
  part: 'entry' | 'content' = 'entry',
): Promise<boolean> {
  if (part === 'entry') {
    const headerSize = entry.offset - entry.headerOffset;
    const header = await payload.readAt(entry.headerOffset, headerSize).catch(() => undefined);
    if (header?.equals(localHeader(entry)) !== true) return false;
  }
  const hash = createHash('sha256');
  const pieceSize = 4 * 1024 * 1024;
  for (let done = 0; done < entry.size; done += pieceSize) {
    signal?.throwIfAborted();
    const length = Math.min(pieceSize, entry.size - done);
    try {
      hash.update(await payload.readAt(entry.offset + done, length));
    } catch {
      return false;
    }
  }
  return hash.digest('hex') === entry.sha256;
}
