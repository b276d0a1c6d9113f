import type { StepIo } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { describePods } from '../host/pods.ts';
import type { DeployOptions } from '../host/helm.ts';
import type { StepContext } from './context.ts';
import { watchPods } from './pod_watch.ts';
import { valuesFiles } from './values_overlay.ts';

const clock = (date: Date) => date.toISOString().slice(11, 19);

/**
 * Runs Helm with what both flows share: values and overlay, the product's wait and limit, pods as progress, and an operator's wish to
 * stop, which is told how long Helm may still take; only a second one is passed on to Helm. Throws `failed` with what
 * Helm and the pods said.
 */
export async function runHelm(
  ctx: StepContext & { forceConflicts?: boolean },
  io: StepIo,
  verb: 'install' | 'upgrade',
): Promise<void> {
  const { helm, product } = ctx;
  const { timeoutSeconds, wait } = product.helm;
  const until = new Date(ctx.now().getTime() + timeoutSeconds * 1000);
  const onStop = () => io.warn(stopNotice(verb, until));
  const onInsist = () =>
    io.warn(verb === 'upgrade' ? 'Helm is asked to stop and rolls back' : 'Helm is asked to stop');
  if (io.signal.aborted) io.signal.throwIfAborted();
  io.signal.addEventListener('abort', onStop, { once: true });
  ctx.insist.addEventListener('abort', onInsist, { once: true });
  const watch = watchPods(ctx, io);
  const options: DeployOptions = {
    chart: ctx.paths.chart,
    valuesFiles: valuesFiles(ctx),
    wait,
    timeoutSeconds,
    forceConflicts: ctx.forceConflicts === true,
    signal: ctx.insist,
    inherit: [ctx.lockFd],
  };
  try {
    await helm[verb](options);
  } catch (error) {
    await watch.stop();
    const said = error instanceof IvaapError && error.output !== undefined ? error.output : '';
    const now = await describePods(ctx.kubectl, { namespace: product.namespace });
    const troubled = now.filter((line) => !/^pod \S+: Running, ready|^ {2}log: /.test(line));
    throw new IvaapError('failed', causeChain(error)[0] ?? 'Helm failed', {
      cause: error,
      output: [said, ...watch.troubles(), ...troubled].filter((line) => line !== '').join('\n'),
    });
  } finally {
    await watch.stop();
    io.signal.removeEventListener('abort', onStop);
    ctx.insist.removeEventListener('abort', onInsist);
  }
}

function stopNotice(verb: 'install' | 'upgrade', until: Date): string {
  const again = verb === 'upgrade' ? 'Helm to stop, which rolls back' : 'Helm to stop';
  return `stopping after Helm, which is waited for until ${clock(until)} UTC at the latest; ask a second time to ask ${again}`;
}
