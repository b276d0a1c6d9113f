import { IvaapError } from '../errors.ts';
import { releaseSecretName } from '../host/helm.ts';
import type { Product } from '../payload/product-schema.ts';
import { type HostTools, helmRecords, type OpenedPayload } from './session.ts';

/** Whether an upgrade may start at all: each check throws before anything is changed. */

/** A host without state: was it deployed by other means, or not at all? */
export async function refuseWithoutState(
  { product, paths, release }: OpenedPayload,
  { kubectl }: HostTools,
  program: string,
): Promise<never> {
  const records = await helmRecords(kubectl, product);
  if (records.length > 0) {
    throw new IvaapError(
      'version',
      `the Helm release ${product.release} runs here, but this installer did not install it: there is no ${paths.state}`,
      { hint: `follow the guide "${product.versions.legacyGuide}"` },
    );
  }
  throw new IvaapError(
    'version',
    `nothing is installed on this host that could be upgraded: there is no ${paths.state}`,
    { hint: `to install ${release.version} anew: ${program} install --help` },
  );
}

/** Helm's records as they must be for Helm to go on. */
export async function assertReleaseReady(product: Product, { kubectl }: HostTools): Promise<void> {
  const last = (await helmRecords(kubectl, product)).at(-1);
  const { release, namespace } = product;
  const look = `k3s kubectl get secrets -n ${namespace} -l owner=helm,name=${release}`;
  if (last === undefined) {
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is missing in the namespace ${namespace}, although the state says that it is installed`,
      { hint: look },
    );
  }
  if (last.status.startsWith('pending')) {
    const secret = releaseSecretName(release, last.revision);
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is ${last.status} (revision ${last.revision}): a Helm was cut off, or still works on it`,
      {
        hint: `When no helm runs any more (pgrep -a helm), remove the record of the revision that did not end: k3s kubectl delete secret -n ${namespace} ${secret}`,
      },
    );
  }
  if (last.status === 'uninstalling' || last.status === 'uninstalled') {
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is ${last.status} (revision ${last.revision}): somebody began to remove the product`,
      { hint: look },
    );
  }
}
