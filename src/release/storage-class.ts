import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { KubeObject, Kubectl } from '../host/kubectl.ts';
import { sudo } from '../shell-word.ts';

type Found = KubeObject & { reclaimPolicy?: string; volumeBindingMode?: string };

export interface StorageClass {
  name: string;
  /** The volume is made only for a pod that mounts its claim. */
  waitsForPod: boolean;
  /** Why the database must not lie on it. */
  objection: string | undefined;
}

/** A class that deletes its volumes with their claims would lose the database with one command. */
function classOf({ metadata, reclaimPolicy = 'Delete', volumeBindingMode }: Found): StorageClass {
  return {
    name: metadata.name,
    waitsForPod: volumeBindingMode === 'WaitForFirstConsumer',
    objection:
      reclaimPolicy === 'Retain'
        ? undefined
        : `its reclaim policy is ${foreign(reclaimPolicy)}: a deleted claim would delete the data`,
  };
}

/** The cluster's StorageClasses, by name. */
export async function listStorageClasses(kubectl: Kubectl, signal?: AbortSignal): Promise<StorageClass[]> {
  const found = await kubectl.list<Found>('storageclass', signal === undefined ? {} : { signal });
  return found.map(classOf).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws `usage` for a class that there is not, or that must not hold the database. */
export async function requireStorageClass(kubectl: Kubectl, name: string): Promise<StorageClass> {
  const classes = await listStorageClasses(kubectl);
  const found = classes.find((one) => one.name === name);
  if (found === undefined) {
    const there = classes.map((one) => one.name).join(', ') || 'none';
    throw new IvaapError('usage', `the cluster has no StorageClass ${name}; it has: ${foreign(there)}`, {
      hint: `${sudo.kubectl} get storageclass`,
    });
  }
  if (found.objection !== undefined) {
    throw new IvaapError('usage', `the StorageClass ${name} cannot hold the database: ${found.objection}`, {
      hint:
        `name one whose reclaim policy is Retain (${sudo.kubectl} get storageclass), or ` +
        '--storage-path FOLDER',
    });
  }
  return found;
}
