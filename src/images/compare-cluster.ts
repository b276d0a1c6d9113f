import type { PodState } from '../host/pods.ts';
import { repositoryOf } from './reference.ts';
import type { IndexImage } from '../payload/format/index-schema.ts';

/** An image that containers in the product's namespace run. */
export interface RunningImage {
  /** As the pod names it. */
  reference: string;
  /**
   * As the kubelet reports it: the config's digest or the manifest's; empty before a container has started.
   */
  imageId: string;
  pods: string[];
}

export type ClusterState = 'runs' | 'other' | 'none';

/** What the pods' containers run, each image once, by name. Pods that are being deleted count: they run. */
export function runningImages(pods: readonly PodState[]): RunningImage[] {
  const images = new Map<string, RunningImage>();
  for (const { name, containers } of pods) {
    for (const { image: reference, imageId } of containers) {
      const key = `${reference} ${imageId}`;
      const known = images.get(key) ?? { reference, imageId, pods: [] };
      if (!known.pods.includes(name)) known.pods.push(name);
      images.set(key, known);
    }
  }
  return [...images.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

/** How what runs compares with an image of the payload. */
export function stateInCluster(image: IndexImage, running: readonly RunningImage[]): ClusterState {
  const ids = [image.config.digest, image.manifest.digest];
  if (running.some(({ imageId }) => ids.includes(imageId))) return 'runs';
  const repository = repositoryOf(image.reference);
  return running.some(({ reference }) => repositoryOf(reference) === repository) ? 'other' : 'none';
}
