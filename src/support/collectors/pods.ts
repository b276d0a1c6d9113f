import { stringify } from 'yaml';
import { podState } from '../../host/pods.ts';
import { lastOutput, causeLines } from '../../release/trouble-text.ts';
import { troublesOf, type Trouble } from '../../release/troubles.ts';
import { columns } from '../../ui/format.ts';
import { eventLines, podCells, withoutNoise } from '../objects.ts';
import type { Collector } from '../collector.ts';

export const pods: Collector = {
  id: 'pods',
  title: 'Pods, what keeps them from serving, and events',
  timeoutMs: 10_000,
  async collect(ctx) {
    const view = await ctx.namespace();
    const rows = view.pods.map(podState).map((state) => [...podCells(state), state.trouble.join('; ')]);
    ctx.add('pods.txt', columns(rows).join('\n'));
    ctx.add('events.txt', eventLines(view.events).join('\n') || 'none');
    ctx.add(
      'objects.yaml',
      stringify([...view.pods, ...view.controllers].map(withoutNoise), { lineWidth: 0 }),
    );
    const { kubectl } = await ctx.host();
    const { product } = ctx.opened;
    const troubles = troublesOf(view, { now: new Date(), since: undefined, release: product });
    const logs = new Map<Trouble, readonly string[]>();
    ctx.facts.troubles = troubles.map((trouble) => ({ trouble, log: [] }));
    for (const trouble of troubles)
      logs.set(trouble, await lastOutput(kubectl, product.namespace, trouble, ctx.signal));
    const logOf = (trouble: Trouble) => logs.get(trouble) ?? [];
    ctx.facts.troubles = troubles.map((trouble) => ({ trouble, log: logOf(trouble) }));
    ctx.add('troubles.txt', causeLines(troubles, logOf).join('\n'));
  },
};
