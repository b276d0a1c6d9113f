import type { StepIo } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import type { Controller } from '../host/namespace-view.ts';
import type { StepContext } from './context.ts';
import { isOfRelease } from './release-marks.ts';

/** For these Kubernetes counts no deadline: all pods have become ready once, or the Deployment is paused. */
const withoutDeadline = new Set(['NewReplicaSetAvailable', 'DeploymentPaused']);

/**
 * Lets the release's Deployments whose pods have not become ready count their progress deadline from now on.
 * Helm takes a passed deadline for a failure as soon as it sees it, and Kubernetes counts it from the last
 * change of the pods: when an upgrade that was cut off is resumed with the same pods, they would not get the
 * time that a fixed cause needs. What fails is logged and stops nothing: Helm's own result is what counts.
 */
export async function restartDeadlines(
  { kubectl, product: { namespace, release }, now }: Pick<StepContext, 'kubectl' | 'product' | 'now'>,
  io: Pick<StepIo, 'log' | 'signal'>,
): Promise<void> {
  const { signal } = io;
  const logged = (error: unknown) => {
    signal.throwIfAborted();
    io.log(`progress deadlines stay as they are: ${causeChain(error)[0] ?? ''}`);
  };
  const found = await kubectl.list<Controller>('deployments', { namespace, signal }).catch(logged);
  for (const { metadata, status } of found ?? []) {
    if (!isOfRelease({ metadata }, { release, namespace })) continue;
    const conditions = status?.conditions ?? [];
    const at = conditions.findIndex(({ type }) => type === 'Progressing');
    const reason = conditions[at]?.reason;
    if (reason === undefined || withoutDeadline.has(reason)) continue;
    const time = now().toISOString();
    const path = `/status/conditions/${at}`;
    const condition = {
      type: 'Progressing',
      status: 'True',
      reason: 'DeadlineRestarted',
      message: 'Helm is started: the progress deadline counts from now on.',
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    const patch = [
      { op: 'test', path: `${path}/reason`, value: reason },
      { op: 'replace', path, value: condition },
    ];
    const where = ['--namespace', namespace, '--subresource=status', '--type=json'];
    const words = ['patch', 'deployment', metadata.name, ...where, `--patch=${JSON.stringify(patch)}`];
    const said = `Deployment/${metadata.name}: its progress deadline counts from now on`;
    await kubectl.run(words, { signal, timeoutMs: 20_000 }).then(() => io.log(said), logged);
  }
}
