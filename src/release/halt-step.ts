import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import type { StepContext } from './context.ts';
import { type HaltedBy, haltedNow, haltWorkloads, startWorkloads } from './halt.ts';
import { removeNextServer } from './next-server.ts';
import { idOf } from './workloads.ts';

/** The steps around a change of what the live database is, of whichever flow. */

const haltOut = z.object({ halted: z.array(z.string()), notHalted: z.array(z.string()) });

/**
 * Stops all that may write into the database, so that no row comes after the dump of what is there. `isOver`:
 * the change has come, and nothing has to be halted for it any more.
 */
export const haltStep = <Ctx extends StepContext>({
  id,
  by,
  isOver,
}: {
  id: string;
  by: HaltedBy;
  isOver: (ctx: Ctx) => Promise<boolean>;
}): Step<Ctx, z.infer<typeof haltOut>> => ({
  id,
  out: haltOut,
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
    // Of an upgrade that was killed: nobody else would end it.
    await removeNextServer(ctx, io.signal);
    const { halted, notStopped } = await haltWorkloads({ ...ctx, signal: io.signal }, { by, say: io.log });
    if (notStopped.length > 0)
      io.warn(`not stopped, since they have no number of pods to set: ${notStopped.join(', ')}`);
    io.log(`${counted(halted.length, 'workload')} halted`);
    return { halted: halted.map(idOf), notHalted: notStopped };
  },

  async verify(ctx, { halted }) {
    if (await isOver(ctx)) return;
    const now = await haltedNow({ ...ctx, signal: new AbortController().signal });
    const ids = now.map(idOf);
    const runs = halted.filter((one) => !ids.includes(one));
    if (runs.length > 0) throw new IvaapError('failed', `${runs.join(', ')} are not halted any more`);
  },
});

const startOut = z.object({ startedAgain: z.array(z.string()) });

/** Starts again what Helm has not: workloads that are halted still. */
export const startStep = <Ctx extends StepContext>(id: string): Step<Ctx, z.infer<typeof startOut>> => ({
  id,
  out: startOut,
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
});
