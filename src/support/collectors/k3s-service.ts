import type { Collector } from '../collector.ts';

export const k3sService: Collector = {
  id: 'k3s-service',
  title: "k3s' service and its last messages",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { signal } = ctx;
    const ask = async (...argv: [string, ...string[]]) =>
      (await ctx.runner.run(argv, { timeoutMs: 8000, signal, okCodes: 'any' })).stdout;
    ctx.add('service.txt', await ask('systemctl', 'status', 'k3s', '--no-pager', '--full', '--lines=0'));
    ctx.add(
      'journal.txt',
      await ask('journalctl', '--unit=k3s', '--no-pager', '--lines=1000', '--output=short-iso'),
    );
  },
};
