import { createContainerd } from '../host/containerd.ts';
import { findK3s } from '../host/k3s.ts';
import { createRunner } from '../host/runner.ts';
import { isRoot } from '../host/system.ts';
import type { ImageState } from '../images/compare-runtime.ts';
import { compareWithRuntime } from '../images/compare-runtime.ts';
import type { IndexImage } from '../payload/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';

const limitMs = 2000;

/** What containerd holds of these images, or why that is not known: it gets two seconds, and must not fail the command. */
export async function containerdStates(
  images: readonly IndexImage[],
  product: Product,
  signal: AbortSignal,
): Promise<ImageState[] | { unknown: string }> {
  if (!isRoot()) return { unknown: 'only root may ask it; use sudo' };
  const late = AbortSignal.timeout(limitMs);
  const query = async () => {
    const runner = createRunner();
    const within = { run: runner.run } satisfies typeof runner;
    within.run = (argv, options) =>
      runner.run(argv, { ...options, signal: AbortSignal.any([late, signal]), graceMs: 0 });
    const { path: k3s } = await findK3s(within);
    const containerd = createContainerd(within, { k3s, socket: product.k3s.containerdSocket });
    const stored = await containerd.runtimeImages();
    return compareWithRuntime(
      images,
      stored.map(({ id, repoTags }) => ({ id, names: repoTags })),
    );
  };
  try {
    return await query();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (late.aborted) return { unknown: `not answered within ${limitMs / 1000} s` };
    return { unknown: (error as Error).message };
  }
}
