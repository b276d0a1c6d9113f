import type { StepIo } from '../engine/step.ts';
import type { HelmProcess } from '../host/helm-process.ts';
import type { StepContext } from './context.ts';

/**
 * Helm takes away what it has installed, its records last. It is recorded before it does anything and
 * inherits the lock: whoever comes while it outlives us waits for it. A second request to stop is passed on.
 */
export async function uninstallRelease(
  ctx: Pick<StepContext, 'helm' | 'product' | 'now' | 'insist' | 'lockFd' | 'recordHelm' | 'payload'>,
  io: Pick<StepIo, 'checkpoint'>,
): Promise<void> {
  const { helm, product } = ctx;
  const { timeoutSeconds } = product.helm;
  const revisionBefore = (await helm.current())?.revision ?? 0;
  const begunAt = ctx.now();
  const until = new Date(begunAt.getTime() + timeoutSeconds * 1000).toISOString();
  const times = { begunAt: begunAt.toISOString(), until, latest: until };
  let started: HelmProcess | undefined;
  try {
    await helm.uninstall({
      timeoutSeconds,
      signal: ctx.insist,
      inherit: [ctx.lockFd],
      record: async (process) => {
        const facts = { revisionBefore, values: '', payload: ctx.payload.digest };
        started = { ...process, verb: 'uninstall', ...times, ...facts };
        await ctx.recordHelm({ process: started });
        // Not awaited: Helm runs from here on, whether or not the journal can be written.
        io.checkpoint('helm-at-work').catch(() => {});
      },
    });
  } finally {
    const ended = { process: started && { ...started, endedAt: ctx.now().toISOString() } };
    if (started !== undefined) await ctx.recordHelm(ended).catch(() => undefined);
  }
}
