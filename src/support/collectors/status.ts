import { statusLines } from '../../ui/status-text.ts';
import type { Collector } from '../collector.ts';

export const status: Collector = {
  id: 'status',
  title: 'Status',
  timeoutMs: 10_000,
  async collect(ctx) {
    const report = await ctx.status();
    ctx.add('status.txt', statusLines(report).join('\n'));
    ctx.add('status.json', JSON.stringify(report, null, 2));
  },
};
