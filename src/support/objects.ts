import type { KubeEvent } from '../host/namespace-view.ts';
import type { KubeObject } from '../host/kubectl.ts';
import type { PodState } from '../host/pods.ts';

/** An object without what only repeats it: earlier copies in annotations hold secrets in a second form. */
export function withoutNoise<T extends KubeObject>(object: T): T {
  const {
    managedFields: _,
    annotations = {},
    ...metadata
  } = object.metadata as KubeObject['metadata'] & {
    managedFields?: unknown;
  };
  const kept = Object.entries(annotations).filter(([name]) => !name.endsWith('/last-applied-configuration'));
  return { ...object, metadata: { ...metadata, annotations: Object.fromEntries(kept) } };
}

/** One line of each event: when it was last seen, of what, why. */
export const eventLines = (events: readonly KubeEvent[]): string[] =>
  events.map(({ lastTimestamp, metadata, involvedObject, reason, message }) =>
    [
      lastTimestamp ?? metadata.creationTimestamp,
      `${involvedObject.kind}/${involvedObject.name}`,
      reason,
      message,
    ].join('  '),
  );

/** A pod as a row of a table: its name, and whether it serves. */
export const podCells = ({ name, phase, ready, ends, restarts }: PodState): string[] => [
  name,
  phase,
  ready ? 'ready' : ends ? 'ends by itself' : 'NOT READY',
  `${restarts} restarts`,
];
