import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import type { RestoreContext } from '../release/context.ts';
import { haltedNow, startWorkloads } from '../release/halt.ts';
import { idOf } from '../release/workloads.ts';

const out = z.object({ startedAgain: z.array(z.string()) });

/** Starts again what Helm has not: workloads that are halted still. */
export const restoreStart: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_start',
  out,
  title: 'Start what was stopped',
  needs: [],
  revision: 1,
  inputs: ({ product: { namespace } }) => ({ namespace }),

  plan: async ({ product: { namespace } }) => ({
    action: 'run',
    summary: `start what is still stopped in the namespace ${namespace}`,
  }),

  async run(ctx, io) {
    const { started, failed } = await startWorkloads({ ...ctx, signal: io.signal });
    const [first] = failed;
    if (first !== undefined) {
      throw new IvaapError('failed', `${first.id} cannot be started again: ${first.why}`, {
        hint: ctx.again(),
      });
    }
    io.log(`${counted(started.length, 'workload')} started again`);
    return { startedAgain: started.map(idOf) };
  },

  async verify(ctx) {
    const halted = await haltedNow({ ...ctx, signal: new AbortController().signal });
    if (halted.length > 0) throw new IvaapError('failed', 'some workloads are halted still');
  },
};
