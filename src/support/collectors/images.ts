import { namesOf } from '../../images/compare-runtime.ts';
import { wantedImages } from '../../images/wanted.ts';
import { columns } from '../../ui/format.ts';
import { said } from '../said.ts';
import type { Collector } from '../collector.ts';

export const images: Collector = {
  id: 'images',
  title: "containerd's containers, images and pins",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { containerd, k3s } = await ctx.tools();
    const { index, product } = ctx.opened;
    const endpoint = `--runtime-endpoint=unix://${product.k3s.containerdSocket}`;
    ctx.add('containers.txt', await said(ctx, k3s.path, 'crictl', endpoint, 'ps', '--all'));
    const stored = await containerd.names();
    const rows = stored.map(({ name, digest, labels }) => [
      name,
      digest,
      Object.entries(labels)
        .map((pair) => pair.join('='))
        .join(','),
    ]);
    ctx.add('names.txt', columns(rows).join('\n'));
    const names = new Set(stored.map(({ name }) => name));
    const wanted = wantedImages(index, product, Object.keys(product.entitlements));
    ctx.add(
      'of-this-release.txt',
      columns(wanted.map(({ name }) => [names.has(name) ? 'there' : 'missing', name])).join('\n'),
    );
    const seen = await containerd.runtimeImages();
    ctx.add(
      'as-kubelet-sees-them.txt',
      columns(seen.map((one) => [one.pinned ? 'pinned' : '', one.id, namesOf(one).join(' ')])).join('\n'),
    );
  },
};
