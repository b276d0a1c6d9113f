import { kindForKubectl } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Answer, DeployedRecord } from './answered-objects.ts';
import { releaseMarks } from './release-marks.ts';
import { sudo } from '../shell-word.ts';

const label = 'app.kubernetes.io/managed-by';
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
  const wanted = Object.entries(releaseMarks(product));
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
  const { metadata } = manifest;
  const object = `${kindForKubectl(manifest)} ${metadata.name}`;
  const scope = `-n ${metadata.namespace ?? product.namespace} --overwrite`;
  const marks = Object.entries(releaseMarks(product)).map((pair) => pair.join('='));
  return (
    `${sudo.kubectl} label ${object} ${scope} ${label}=Helm && ` +
    `${sudo.kubectl} annotate ${object} ${scope} ${marks.join(' ')}`
  );
}
