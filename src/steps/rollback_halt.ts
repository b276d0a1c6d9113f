import type * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { RollbackContext } from '../release/context.ts';
import {
  assertStillHalted,
  haltForDump,
  haltOut,
  haltPlan,
  haltPreview,
  runningNow,
} from '../release/halt-for-dump.ts';
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
    return why === undefined ? haltPlan(ctx.product) : { action: 'skip', summary: why };
  },

  preview: async (ctx, signal) => haltPreview(await runningNow(await portsOf(ctx, signal), signal)),

  run: async (ctx, io) => haltForDump(await portsOf(ctx, io.signal), 'rollback', io),

  async reuse(ctx) {
    const { signal } = new AbortController();
    await assertStillHalted(await portsOf(ctx, signal), signal);
  },
};

const portsOf = async ({ kubectl, product }: RollbackContext, signal: AbortSignal) => ({
  kubectl,
  product,
  contents: await namespaceContents(kubectl, product, signal),
});
