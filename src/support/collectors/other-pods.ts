import { type Pod, podState } from '../../host/pods.ts';
import { readNamespace } from '../../host/namespace-view.ts';
import { columns } from '../../ui/format.ts';
import { addContainerLogs } from '../container-logs.ts';
import { eventLines, podCells } from '../objects.ts';
import type { Collector } from '../collector.ts';

/** Where k3s runs what the product needs of it: DNS, ingress, volumes. */
const ofK3s = 'kube-system';

/** Of other people's pods it is shown that they are there, and nothing of what they say. */
export const otherPods: Collector = {
  id: 'other-pods',
  title: "k3s' own pods with events and last lines, and which others there are",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { kubectl } = await ctx.host();
    const { signal } = ctx;
    const all = await kubectl.list<Pod>('pods', { allNamespaces: true, signal });
    const rows = all
      .filter(({ metadata }) => metadata.namespace !== ctx.opened.product.namespace)
      .map((pod) => {
        const { namespace = '' } = pod.metadata;
        return [namespace, ...podCells(podState(pod))];
      });
    ctx.add('pods.txt', columns(rows).join('\n') || 'none');
    const { pods, events } = await readNamespace(kubectl, { namespace: ofK3s, signal });
    ctx.add('events.txt', eventLines(events).join('\n') || 'none');
    await addContainerLogs(ctx, { namespace: ofK3s, pods, tailLines: 200 });
  },
};
