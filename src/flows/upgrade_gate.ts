import { IvaapError } from '../errors.ts';
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
