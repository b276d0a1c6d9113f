import type { HashPool } from './hash-pool.ts';
import type { PackPlan } from './pack-plan.ts';
import { ownKey } from './key-search.ts';
import { SpecError } from './spec-file.ts';

/**
 * Decompresses the compressed layers, each once: their size is wanted in the index, and their diffId has to
 * be true. Throws {@link SpecError}.
 */
export async function measureLayers(
  { compressed }: Pick<PackPlan, 'compressed'>,
  pool: HashPool,
  onProgress?: (progress: { what: string; done: number; total: number }) => void,
): Promise<void> {
  const total = compressed.reduce((sum, { layer }) => sum + layer.size, 0);
  let done = 0;
  const measured = new Map<string, Promise<{ size: number; sha256: string; hasKey: boolean }>>();
  await Promise.all(
    compressed.map(async ({ layer, compression, path, offset: from, where }) => {
      const { digest, size } = layer;
      const running = measured.get(digest) ?? pool.run({ kind: 'inflate', path, from, size, compression });
      measured.set(digest, running);
      const result = await running.catch((cause: Error) => {
        throw new SpecError(`${where}: the layer ${digest} cannot be unpacked: ${cause.message}`, { cause });
      });
      if (`sha256:${result.sha256}` !== layer.diffId)
        throw new SpecError(`${where}: the layer ${digest} does not unpack to its diffId`);
      if (result.hasKey) throw new SpecError(`${where}: a file of the layer ${digest} holds ${ownKey}`);
      layer.uncompressedSize = result.size;
      done += size;
      onProgress?.({ what: 'reading compressed layers', done, total });
    }),
  );
}
