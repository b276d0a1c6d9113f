import * as z from 'zod';
import { letGo, swapDatabases, swapped } from '../backup/swap-databases.ts';
import { freeMovedName } from '../backup/moved-databases.ts';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { known } from '../known.ts';
import type { RestoreContext } from '../release/context.ts';
import { movedSchema, swapId } from '../release/restore-record.ts';
import { incomingOf } from '../release/restore-swap.ts';

const out = z.object({ movedDatabase: z.string(), restoredFrom: z.string() });

/** Both renames in one transaction: from here on the restored database is the live one. */
export const restoreSwap: Step<RestoreContext, z.infer<typeof out>> = {
  id: swapId,
  out,
  title: 'Swap the databases',
  needs: [],
  revision: 1,
  inputs: ({ product, target: { moved } }) => ({ database: product.database.name, moved }),

  plan: async ({ product, target: { moved } }) => ({
    action: 'run',
    summary:
      `rename ${product.database.name} to a name with _moved_, and ` +
      `${moved ?? 'the new database'} to ${product.database.name}`,
  }),

  async run(ctx, io) {
    const { product, now } = ctx;
    const incoming = incomingOf(ctx);
    const outgoing =
      movedSchema.safeParse(io.interrupted).data?.movedDatabase ??
      (await freeMovedName(ctx, now(), io.signal));
    await io.record({ movedDatabase: outgoing });
    await io.checkpoint('named');
    await swap(ctx, io, { incoming, outgoing });
    await ctx.recordRestored({ moved: outgoing });
    await io.checkpoint('swapped');
    const query = product.database.schemaVersionQuery;
    const schema = await known(ctx.database.schemaVersion(query, io.signal));
    if (schema.known) io.tell({ type: 'schema.found', schemaVersion: schema.value });
    io.log(`${product.database.name} is the restored database; the one from before is ${outgoing}`);
    return { movedDatabase: outgoing, restoredFrom: incoming };
  },

  async verify(ctx, { movedDatabase, restoredFrom }) {
    const state = await swapped(ctx, { incoming: restoredFrom, outgoing: movedDatabase });
    if (state !== 'after') throw new IvaapError('failed', 'the databases do not have their new names');
  },
};

async function swap(
  ctx: RestoreContext,
  io: Pick<StepIo, 'signal' | 'warn'>,
  names: { incoming: string; outgoing: string },
): Promise<void> {
  if ((await swapped(ctx, names)) === 'after') return;
  await letGo(ctx, io);
  await swapDatabases(ctx, {
    ...names,
    endSessions: true,
    folder: ctx.target.roles ?? undefined,
    signal: io.signal,
  });
}
