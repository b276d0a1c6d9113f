import type * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import {
  assertStillHalted,
  haltForDump,
  haltOut,
  haltPlan,
  haltPreview,
  runningNow,
} from '../release/halt-for-dump.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallRecord } from './uninstall_record.ts';

/** Stops what writes into the database: rows that come after the last dump has begun are in no dump. */
export const uninstallHalt: Step<UninstallContext, z.infer<typeof haltOut>> = {
  id: 'uninstall_halt',
  out: haltOut,
  title: 'Stop what writes into the database',
  needs: [uninstallRecord.id],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),

  async plan({ cluster, skipBackup, found: { database, rollbackDump }, product }) {
    if (cluster === undefined) return { action: 'skip', summary: 'the cluster is left out' };
    if (skipBackup) return { action: 'skip', summary: 'there is no last dump that needs it' };
    if (rollbackDump !== undefined || (database.known && database.value === null))
      return { action: 'skip', summary: 'there is no database' };
    return haltPlan(product);
  },

  preview: async (ctx, signal) => haltPreview(await runningNow(portsOf(ctx), signal)),

  run: (ctx, io) => haltForDump(portsOf(ctx), 'uninstall', io),

  async reuse(ctx) {
    if (ctx.cluster === undefined) return;
    await assertStillHalted(portsOf(ctx), new AbortController().signal);
  },
};

function portsOf({ cluster, product, found: { contents } }: UninstallContext) {
  if (cluster === undefined) throw new IvaapError('bug', 'workloads without a cluster');
  return { kubectl: cluster.kubectl, product, contents };
}
