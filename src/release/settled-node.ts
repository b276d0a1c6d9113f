import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeObject } from './cluster-objects.ts';

/** A kubelet reports to the API server every ten seconds; less than the timeout of the checks of the node. */
const limitMs = 40_000;
/** An older change is not a restart. */
const newsMs = 60_000;
const awayTaints = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);

/**
 * Whether a node is reported as away and probably is not: Kubernetes has just noticed it, as after a restart
 * of k3s, or the node is ready again and still has the taint.
 */
export function isSettling({ spec, status }: NodeObject, now: Date): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return spec?.taints?.some(({ key }) => awayTaints.has(key)) ?? false;
  const sinceMs = now.getTime() - Date.parse(ready?.lastTransitionTime ?? '');
  return Math.abs(sinceMs) < newsMs;
}

/**
 * Reads again while a node is settling, for a limited time; returns the last answer. Throws what `read`
 * throws, and an AbortError when it is stopped.
 */
export async function settled<T extends { nodes: readonly NodeObject[] }>(
  read: () => Promise<T>,
  { now, signal }: { now: () => Date; signal: AbortSignal },
  pauseMs = 2000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await read();
    if (!answer.nodes.some((node) => isSettling(node, now())) || performance.now() > end) return answer;
    await sleep(pauseMs, undefined, { signal });
  }
}
