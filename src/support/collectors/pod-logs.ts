import { addContainerLogs } from '../container-logs.ts';
import type { Collector } from '../collector.ts';

export const podLogs: Collector = {
  id: 'pod-logs',
  title: 'Last lines of each container, also of the one that ran before',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { pods } = await ctx.namespace();
    await addContainerLogs(ctx, { namespace: ctx.opened.product.namespace, pods, tailLines: 500 });
  },
};
