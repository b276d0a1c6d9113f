import type * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { RollbackContext } from '../release/context.ts';
import { haltForDump, haltOut, haltPreview, runningNow } from '../release/halt-for-dump.ts';
import { namespaceContents } from '../release/ours.ts';
import { whyNoDump } from './rollback_pg_backup.ts';

/** Stops what writes into the database: rows that come after the last dump has begun are in no dump. */
export const rollbackHalt: Step<RollbackContext, z.infer<typeof haltOut>> = {
  id: 'rollback_halt',
  out: haltOut,
  title: 'Stop what writes into the database',
  needs: [],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),

  async plan(ctx) {
    const why = await whyNoDump(ctx);
    if (why !== undefined) return { action: 'skip', summary: why };
    return {
      action: 'run',
      summary: `stop the workloads in ${ctx.product.namespace}, so that nothing comes after the last dump`,
    };
  },

  preview: async (ctx, signal) => haltPreview(await runningNow(await portsOf(ctx, signal), signal)),

  run: async (ctx, io) => haltForDump(await portsOf(ctx, io.signal), 'rollback', io),

  async reuse(ctx) {
    const { signal } = new AbortController();
    const started = await runningNow(await portsOf(ctx, signal), signal);
    if (started.length > 0) throw new IvaapError('failed', `${started.join(', ')} was started since`);
  },
};

const portsOf = async ({ kubectl, product }: RollbackContext, signal: AbortSignal) => ({
  kubectl,
  product,
  contents: await namespaceContents(kubectl, product, signal),
});
