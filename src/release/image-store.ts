import type { StepContext } from './context.ts';

/**
 * containerd's root as it reports it: k3s' --data-dir moves it. Otherwise the socket's file system, which
 * never has the images, and is small.
 */
export async function imageStore({ containerd, product }: Pick<StepContext, 'containerd' | 'product'>) {
  return (await containerd.root().catch(() => undefined)) ?? product.k3s.containerdSocket;
}
