import type { Manifest } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { ourLabels } from './ours.ts';

/**
 * Objects that the installer creates outside the chart: no Helm operation sees them, so none can delete data.
 */

export function namespaceManifest(product: Product): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: product.namespace, labels: ourLabels(product) },
  };
}

/** `data` is encoded here as base64. */
export function secretManifest(
  product: Product,
  name: string,
  data: Record<string, string | Uint8Array>,
): Manifest {
  const encoded = Object.entries(data).map(
    ([key, content]) => [key, Buffer.from(content).toString('base64')] as const,
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: product.namespace, labels: ourLabels(product) },
    type: 'Opaque',
    data: Object.fromEntries(encoded),
  };
}

/**
 * The database's volume and its claim, bound to each other by name. Retain: a deleted claim leaves the data.
 * No storage class: no provisioner serves the claim.
 */
export function volumeManifests(product: Product, storagePath: string): Manifest[] {
  const { volume } = product.database;
  const accessModes = ['ReadWriteOnce'];
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volume.persistentVolume, labels: ourLabels(product) },
      spec: {
        capacity: { storage: volume.capacity },
        accessModes,
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: '',
        claimRef: { namespace: product.namespace, name: volume.claim },
        hostPath: { path: storagePath, type: 'Directory' },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: volume.claim, namespace: product.namespace, labels: ourLabels(product) },
      spec: {
        accessModes,
        storageClassName: '',
        volumeName: volume.persistentVolume,
        resources: { requests: { storage: volume.capacity } },
      },
    },
  ];
}

/**
 * The claim alone, for a volume that the class's provisioner makes. The chart only mounts it, as it does the
 * other.
 */
export function classClaimManifest(product: Product, storageClass: string): Manifest {
  const { claim, capacity } = product.database.volume;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim, namespace: product.namespace, labels: ourLabels(product) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: storageClass,
      resources: { requests: { storage: capacity } },
    },
  };
}
