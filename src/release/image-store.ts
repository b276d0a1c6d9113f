import type { StepContext } from './context.ts';

/**
 * containerd's root as it says itself: k3s' --data-dir moves it. The socket's file system where it does not say, which never
 * has the images, and is small.
 */
export async function imageStore({ containerd, product }: Pick<StepContext, 'containerd' | 'product'>) {
  return (await containerd.root().catch(() => undefined)) ?? product.k3s.containerdSocket;
}
