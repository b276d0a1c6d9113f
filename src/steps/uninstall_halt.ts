import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import { type Halted, haltWorkloads } from '../release/halt.ts';
import { foreignOf } from '../release/ours.ts';
import type { UninstallCluster, UninstallContext } from '../release/uninstall-context.ts';
import { idOf, seeWorkloads } from '../release/workloads.ts';
import { uninstallRecord } from './uninstall_record.ts';

const out = z.object({ halt: z.object({ halted: z.array(z.string()), notStopped: z.array(z.string()) }) });

/** Stops what writes into the database: rows that come after the last dump has begun are in no dump. */
export const uninstallHalt: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_halt',
  out,
  title: 'Stop what writes into the database',
  needs: [uninstallRecord.id],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),

  async plan({ cluster, skipBackup, found: { database, rollbackDump }, product }) {
    if (cluster === undefined) return { action: 'skip', summary: 'the cluster is left out' };
    if (skipBackup) return { action: 'skip', summary: 'there is no last dump that needs it' };
    if (rollbackDump !== undefined || (database.known && database.value === null))
      return { action: 'skip', summary: 'there is no database' };
    return {
      action: 'run',
      summary: `stop the workloads in ${product.namespace}, so that nothing comes after the last dump`,
    };
  },

  async preview(ctx, signal) {
    const stopped = await running(ctx, clusterOf(ctx), signal);
    const text = `stop ${counted(stopped.length, 'workload')}, so that nothing comes after the last dump`;
    return { brief: text, details: [`${text}: ${stopped.join(', ') || 'none'}`], data: { stopped } };
  },

  async run(ctx, io) {
    const { product, found } = ctx;
    const ports = { kubectl: clusterOf(ctx).kubectl, product, signal: io.signal };
    const { halted, notStopped } = await haltWorkloads(ports, {
      by: 'uninstall',
      spares: sparedBy(found),
      say: io.log,
    });
    const byOthers = halted.filter(({ by }) => by !== 'uninstall');
    if (byOthers.length > 0)
      io.warn(`${namesOf(byOthers)}: halted before this uninstall, by a restore that has not ended`);
    if (notStopped.length > 0) {
      io.warn(
        `not stopped, since it has no number of replicas or is not ours: ${notStopped.join(', ')}; what it ` +
          'writes after the last dump is in no dump',
      );
    }
    return { halt: { halted: halted.map(idOf), notStopped } };
  },

  async reuse(ctx) {
    if (ctx.cluster === undefined) return;
    const started = await running(ctx, ctx.cluster, new AbortController().signal);
    if (started.length > 0) throw new IvaapError('failed', `${started.join(', ')} was started since`);
  },
};

const namesOf = (all: readonly Halted[]) => all.map(idOf).join(', ');

function clusterOf({ cluster }: UninstallContext): UninstallCluster {
  if (cluster === undefined) throw new IvaapError('bug', 'workloads without a cluster');
  return cluster;
}

/** What is to be halted, and is not. */
async function running(
  { product, found }: UninstallContext,
  { kubectl }: UninstallCluster,
  signal: AbortSignal,
): Promise<string[]> {
  const isSpared = sparedBy(found);
  const { scalable } = await seeWorkloads(kubectl, product, signal);
  const ids = scalable.filter((one) => !one.rests).map(idOf);
  return ids.filter((id) => !isSpared(id));
}

/** What is not ours goes on, as all of it stays. */
const sparedBy = ({ contents }: UninstallContext['found']): ((id: string) => boolean) => {
  const others = new Set(contents.known ? foreignOf(contents.value).map(idOf) : []);
  return (id) => others.has(id);
};
