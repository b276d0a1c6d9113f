import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import type { RestoreContext } from '../release/context.ts';
import { haltedNow, haltWorkloads } from '../release/halt.ts';
import { isSwapped } from '../release/restore-swap.ts';
import { idOf } from '../release/workloads.ts';

const out = z.object({ halted: z.array(z.string()), notHalted: z.array(z.string()) });

/** Stops all that may write into the database, so that no row comes after the dump of what is there. */
export const restoreHalt: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_halt',
  out,
  title: 'Stop what uses the database',
  needs: [],
  revision: 1,
  inputs: ({ product: { namespace } }) => ({ namespace }),

  plan: async ({ product: { namespace } }) => ({
    action: 'run',
    summary: `stop all workloads in the namespace ${namespace} except the database`,
  }),

  async run(ctx, io) {
    await ctx.downtime.begin(ctx);
    const { halted, notStopped } = await haltWorkloads(
      { ...ctx, signal: io.signal },
      { by: 'restore', say: io.log },
    );
    if (notStopped.length > 0)
      io.warn(`not stopped, since they have no number of pods to set: ${notStopped.join(', ')}`);
    io.log(`${counted(halted.length, 'workload')} halted`);
    return { halted: halted.map(idOf), notHalted: notStopped };
  },

  async verify(ctx, { halted }) {
    if (await isSwapped(ctx)) return;
    const now = await haltedNow({ ...ctx, signal: new AbortController().signal });
    const ids = now.map(idOf);
    const runs = halted.filter((id) => !ids.includes(id));
    if (runs.length > 0) throw new IvaapError('failed', `${runs.join(', ')} are not halted any more`);
  },
};
