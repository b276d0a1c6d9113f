import { known } from '../../known.ts';
import { preflightNow } from '../../flows/preflight-now.ts';
import { preflightLines } from '../../ui/preflight-text.ts';
import type { Collector } from '../collector.ts';

export const preflight: Collector = {
  id: 'preflight',
  title: 'Preflight now',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { machine, ports, signal } = ctx;
    const asked = await known(preflightNow({ ...ports, machine, signal, emit: () => {} }));
    ctx.facts.preflight = asked;
    if (!asked.known) throw new Error(asked.why);
    const report = asked.value;
    const view = { width: 120, paint: (text: string) => text, all: true };
    ctx.add('preflight.txt', preflightLines({ type: 'preflight.report', ...report }, view).join('\n'));
    ctx.add('preflight.json', JSON.stringify(report, null, 2));
  },
};
