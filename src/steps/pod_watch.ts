import { setTimeout as sleep } from 'node:timers/promises';
import type { StepIo } from '../engine/step.ts';
import { listPods, type PodState } from '../host/pods.ts';
import type { StepContext } from './context.ts';

const pauseMs = 3000;

/** What was seen of the pods while Helm worked: a rollback deletes the failing ones before anybody can ask them. */
export interface PodWatch {
  /** Newest trouble of each pod that was not ready when it was last seen, in Kubernetes' words. */
  troubles(): string[];
  stop(): Promise<void>;
}

/** Reads the namespace's pods now and then, and reports how many of them are ready. */
export function watchPods(ctx: StepContext, io: StepIo): PodWatch {
  const stopped = new AbortController();
  const troubles = new Map<string, PodState>();
  const note = (pods: PodState[]) => {
    for (const pod of pods) {
      if (pod.ready) troubles.delete(pod.name);
      else if (pod.phase !== 'Succeeded') troubles.set(pod.name, pod);
    }
    const living = pods.filter(({ ending, phase }) => !ending && phase !== 'Succeeded');
    const ready = living.filter((pod) => pod.ready).length;
    const waiting = living.find((pod) => !pod.ready);
    const trouble = waiting?.trouble[0];
    io.progress({
      done: ready,
      total: living.length,
      unit: 'pods',
      ...(waiting === undefined ? {} : { note: trouble ?? `${waiting.name} is not ready` }),
    });
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      // A look that fails is no news: Helm's own result is what counts.
      const pods = await listPods(ctx.kubectl, {
        namespace: ctx.product.namespace,
        signal: stopped.signal,
      }).catch(() => undefined);
      if (pods !== undefined) note(pods);
      await sleep(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    troubles: () =>
      [...troubles.values()].map(({ name, trouble }) => `pod ${name}: ${trouble.join('; ') || 'not ready'}`),
    async stop() {
      stopped.abort();
      await watching;
    },
  };
}
