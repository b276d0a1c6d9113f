import { stringify } from 'yaml';
import { withoutNoise } from '../objects.ts';
import type { Collector } from '../collector.ts';

export const cluster: Collector = {
  id: 'cluster',
  title: 'The node, volumes and quotas',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { kubectl } = await ctx.host();
    const { namespace } = ctx.opened.product;
    const { signal } = ctx;
    const found = [
      ...(await kubectl.list('nodes,persistentvolumes,storageclasses', { signal })),
      ...(await kubectl.list('persistentvolumeclaims,resourcequotas,services,ingresses', {
        namespace,
        signal,
      })),
    ];
    ctx.add('objects.yaml', stringify(found.map(withoutNoise), { lineWidth: 0 }));
  },
};
