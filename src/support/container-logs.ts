import { causeChain } from '../errors.ts';
import type { Pod } from '../host/pods.ts';
import type { SupportContext } from './collector.ts';

const atOnce = 4;

/**
 * Keeps the last lines of each container of these pods, also of the one that ran before. Those that cannot be
 * read are named in `not-read.txt`.
 */
export async function addContainerLogs(
  ctx: SupportContext,
  { namespace, pods, tailLines }: { namespace: string; pods: readonly Pod[]; tailLines: number },
): Promise<void> {
  const { kubectl } = await ctx.host();
  const due = pods.flatMap(({ metadata: { name: pod }, spec, status }) => {
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    const names = new Set([...spec.containers, ...statuses].map(({ name }) => name));
    return [...names].flatMap((container) => {
      const restarted = statuses.some((one) => one.name === container && one.restartCount > 0);
      return (restarted ? [false, true] : [false]).map((previous) => ({ pod, container, previous }));
    });
  });
  const failed: string[] = [];
  const work = async () => {
    for (let one = due.shift(); one !== undefined; one = due.shift()) {
      ctx.signal.throwIfAborted();
      const { pod, container, previous } = one;
      const name = `${pod}.${container}${previous ? '.previous' : ''}.log`;
      try {
        const options = { tailLines, previous, signal: ctx.signal };
        ctx.add(name, await kubectl.logs({ namespace, pod, container }, options));
      } catch (error) {
        failed.push(`${name}: ${causeChain(error).join(': ')}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failed.length > 0) ctx.add('not-read.txt', failed.join('\n'));
}
