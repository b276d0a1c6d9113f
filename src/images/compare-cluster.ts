import type { PodState } from '../host/pods.ts';
import { repositoryOf, versionOf } from './reference.ts';
import type { IndexImage } from '../payload/format/index-schema.ts';

/** An image that containers in the product's namespace run. */
export interface RunningImage {
  /** As the pod names it. */
  reference: string;
  /**
   * As the kubelet reports it: the config's digest, or that of one of its names; empty before a container has
   * started.
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

/**
 * The image that a container runs by kubelet's word; undefined of another one. Where a name has a digest,
 * containerd tells that one: an index's, of a reference to an index.
 */
export const imageThatRuns = (images: readonly IndexImage[], imageId: string): IndexImage | undefined =>
  images.find(({ config, manifest, reference }) =>
    [config.digest, manifest.digest, versionOf(reference)?.digest].includes(imageId),
  );

/** How what runs compares with an image of a payload, whose `images` are all of it. */
export function stateInCluster(
  image: IndexImage,
  running: readonly RunningImage[],
  images: readonly IndexImage[],
): ClusterState {
  const id = image.config.digest;
  if (running.some(({ imageId }) => imageThatRuns(images, imageId)?.config.digest === id)) return 'runs';
  const repository = repositoryOf(image.reference);
  return running.some(({ reference }) => repositoryOf(reference) === repository) ? 'other' : 'none';
}
