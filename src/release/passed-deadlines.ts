import type { StepIo } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import type { Controller } from '../host/namespace-view.ts';
import type { StepContext } from './context.ts';
import { isOfRelease } from './release-marks.ts';

const isPassed = ({ type, reason }: { type: string; reason?: string }) =>
  type === 'Progressing' && reason === 'ProgressDeadlineExceeded';

/**
 * Lets the release's Deployments whose progress deadline has passed count it from now on. Helm takes a passed
 * deadline for a failure as soon as it looks, and Kubernetes keeps it until the pods change: when an upgrade
 * that was cut off is resumed with the same pods, they would not get the time that a fixed cause needs. A
 * query that fails is logged and stops nothing: Helm's own result is what counts.
 */
export async function restartPassedDeadlines(
  { kubectl, product: { namespace, release }, now }: Pick<StepContext, 'kubectl' | 'product' | 'now'>,
  io: Pick<StepIo, 'log' | 'signal'>,
): Promise<void> {
  try {
    const found = await kubectl.list<Controller>('deployments', { namespace, signal: io.signal });
    for (const { metadata, status } of found) {
      const at = status?.conditions?.findIndex(isPassed) ?? -1;
      if (at === -1 || !isOfRelease({ metadata }, { release, namespace })) continue;
      const time = now().toISOString();
      const path = `/status/conditions/${at}`;
      const condition = {
        type: 'Progressing',
        status: 'True',
        reason: 'DeadlineRestarted',
        message: 'Helm is started again: the progress deadline counts from now on.',
        lastUpdateTime: time,
        lastTransitionTime: time,
      };
      const patch = [
        { op: 'test', path: `${path}/reason`, value: 'ProgressDeadlineExceeded' },
        { op: 'replace', path, value: condition },
      ];
      const where = ['--namespace', namespace, '--subresource=status', '--type=json'];
      const words = ['patch', 'deployment', metadata.name, ...where, `--patch=${JSON.stringify(patch)}`];
      await kubectl.run(words, { signal: io.signal, timeoutMs: 20_000 });
      io.log(`Deployment/${metadata.name}: its progress deadline had passed, and counts from now on`);
    }
  } catch (error) {
    io.signal.throwIfAborted();
    io.log(`progress deadlines that have passed stay so: ${causeChain(error)[0] ?? ''}`);
  }
}
