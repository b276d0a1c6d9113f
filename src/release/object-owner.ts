import type { Product } from '../payload/product-schema.ts';
import type { Answer, DeployedRecord } from './answered-objects.ts';

const label = 'app.kubernetes.io/managed-by';
const annotations = (product: Pick<Product, 'release' | 'namespace'>) => ({
  'meta.helm.sh/release-name': product.release,
  'meta.helm.sh/release-namespace': product.namespace,
});

/**
 * Why Helm will not touch an existing object: it is not in its record, and does not have its labels and
 * annotations. Undefined where Helm accepts it. No other way of applying helps there.
 */
export function foreignOwner(
  { manifest, live }: Answer,
  deployed: DeployedRecord | undefined,
  product: Pick<Product, 'release' | 'namespace'>,
): string | undefined {
  if (live === undefined) return undefined;
  const place = ({ metadata }: Answer['manifest']) => metadata.namespace ?? product.namespace;
  // As Helm compares them, with the API version.
  const recorded = deployed?.objects.some(
    (one) =>
      one.apiVersion === manifest.apiVersion &&
      one.kind === manifest.kind &&
      one.metadata.name === manifest.metadata.name &&
      place(one) === place(manifest),
  );
  if (recorded === true) return undefined;
  const { metadata } = live;
  const wanted = Object.entries(annotations(product));
  const missing = [
    ...(metadata.labels?.[label] === 'Helm' ? [] : [`label ${label}=Helm`]),
    ...wanted
      .filter(([key, value]) => metadata.annotations?.[key] !== value)
      .map(([key, value]) => `annotation ${key}=${value}`),
  ];
  return missing.length === 0
    ? undefined
    : `it exists and does not belong to this release: no ${missing.join(', no ')}`;
}

/** The command that gives the object to the release: Helm then changes it to what the chart says. */
export function adoptCommand({ manifest }: Answer, product: Pick<Product, 'release' | 'namespace'>): string {
  const { apiVersion, kind, metadata } = manifest;
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  const object = `${kind.toLowerCase()}${group === undefined ? '' : `.${group}`} ${metadata.name}`;
  const scope = `-n ${metadata.namespace ?? product.namespace} --overwrite`;
  const marks = Object.entries(annotations(product)).map((pair) => pair.join('='));
  return (
    `k3s kubectl label ${object} ${scope} ${label}=Helm && k3s ` +
    `kubectl annotate ${object} ${scope} ${marks.join(' ')}`
  );
}
