import { hash } from 'node:crypto';
import { chunkBounds, zeroOut } from './format/chunks.ts';
import { type PlacedEntry, localHeader, placedEntries } from './format/entries.ts';
import { type Damage, headName, matchesIndex } from './named-damages.ts';
import type { Payload } from './reader.ts';

/** What is known of the head's last bytes, whose chunk holds the first entries as well. */
export type HeadVerdict = 'intact' | 'damaged' | 'unknown';

export interface JudgedDamages {
  damages: Damage[];
  head: HeadVerdict;
}

/**
 * Says of a damaged chunk that head and entries share whether the head is damaged: an entry's damage alone
 * neither accuses nor clears it. `unknown` where the content of an entry is damaged, which the index does not
 * repeat.
 */
export async function judgeHead(
  payload: Payload,
  damages: readonly Damage[],
  signal?: AbortSignal,
): Promise<JudgedDamages> {
  const { headSize, chunks } = await payload.index();
  const shared = chunkBounds(chunks, Math.floor((headSize - 1) / chunks.chunkSize));
  const within = damages.filter(({ from, to }) => from < shared.to && to > shared.from);
  const isHead = ({ what }: Damage) => what === headName;
  if (within.every(isHead)) {
    return { damages: [...damages], head: damages.some(isHead) ? 'damaged' : 'intact' };
  }
  const verdict = await verdictOf(payload, shared, signal);
  const judged = damages.flatMap((damage) => {
    if (!isHead(damage)) return [damage];
    const to = Math.min(damage.to, shared.from);
    return damage.from < to ? [{ ...damage, to }] : [];
  });
  if (verdict === 'damaged') {
    const before = judged.find((damage) => isHead(damage) && damage.to === shared.from);
    if (before === undefined) judged.push({ what: headName, from: shared.from, to: headSize });
    else before.to = headSize;
  }
  judged.sort((a, b) => a.from - b.from);
  return { damages: judged, head: judged.some(isHead) ? 'damaged' : verdict };
}

async function verdictOf(
  payload: Payload,
  shared: { from: number; to: number },
  signal: AbortSignal | undefined,
): Promise<HeadVerdict> {
  const index = await payload.index();
  const bytes = await payload.readAt(shared.from, shared.to - shared.from).catch(() => undefined);
  if (bytes === undefined) return 'unknown';
  const entries = placedEntries(index, payload.indexEnd).filter(
    ({ headerOffset }) => headerOffset < shared.to,
  );
  zeroOut(bytes, shared.from, { from: index.headSize, to: payload.indexEnd });
  for (const entry of entries) putHeader(bytes, shared.from, entry);
  const number = shared.from / index.chunks.chunkSize;
  if (hash('sha256', bytes) === index.chunks.hashes[number]?.[1]) return 'intact';
  // With every header as it should be, damage that is in no content is in the head.
  for (const entry of entries) {
    if (!(await matchesIndex(payload, entry, signal, 'content'))) return 'unknown';
  }
  return 'damaged';
}

/** The index says what a header is: its damage can be taken away. */
function putHeader(bytes: Buffer, from: number, entry: PlacedEntry): void {
  const at = entry.headerOffset - from;
  localHeader(entry).copy(bytes, Math.max(at, 0), Math.max(-at, 0));
}
