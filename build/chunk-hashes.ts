import { chunkBounds } from '../src/payload/format/chunks.ts';
import type { ChunkHashes } from './chunk-hash.ts';
import type { HashPool } from './hash-pool.ts';
import type { Written } from './written.ts';
import type { ByteRange } from '../src/payload/byte-ranges.ts';
import type { Layout } from './zip-writer.ts';

/**
 * Hashes the chunks of `file` that are not `hashed` already, each when all of it is written, and sets
 * `chunks.hashes`. `padding`: the layout ends with an entry of zeros.
 */
export async function hashChunks(
  file: number,
  { index, indexOffset, indexLength }: Layout,
  { padding, hashed }: { padding: boolean; hashed: readonly ByteRange[] },
  written: Written,
  pool: HashPool,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { chunks, headSize, entries } = index;
  const zeroed = { from: headSize, to: indexOffset + indexLength };
  // Chunks that consist of padding alone are equal: one of them is hashed for all.
  const hole = padding ? entries.at(-1) : undefined;
  let ofZeros: Promise<ChunkHashes> | undefined;
  await Promise.all(
    chunks.hashes.map(async (_, number) => {
      if (hashed.some((numbers) => number >= numbers.from && number < numbers.to)) return;
      const { from, to } = chunkBounds(chunks, number);
      await written.until(from, to);
      const hash = async (): Promise<ChunkHashes> =>
        (await pool.run({ kind: 'chunk', file, from, to, zeroed })).chunks[0]!;
      const inHole = hole !== undefined && from >= hole.offset && to - from === chunks.chunkSize;
      chunks.hashes[number] = await (inHole ? (ofZeros ??= hash()) : hash());
      onBytes(to - from);
    }),
  );
}
