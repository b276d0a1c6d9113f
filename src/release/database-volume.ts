import type { UndoPlan } from '../engine/step.ts';
import { foreign } from '../foreign.ts';
import { type ClaimVolume, claimVolume } from '../host/claim-volume.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { type Known, known } from '../known.ts';
import { sudo } from '../shell-word.ts';
import type { InstallContext } from './context.ts';

/** The volume of the database's claim; without such a claim the one that an install makes itself. */
export const databaseVolume = (
  kubectl: Pick<Kubectl, 'get'>,
  { namespace, database: { volume } }: Pick<Product, 'namespace' | 'database'>,
  signal?: AbortSignal,
): Promise<ClaimVolume> =>
  claimVolume(kubectl, { namespace, claim: volume.claim, otherwise: volume.persistentVolume }, signal);

/** The volume that a StorageClass made for the database's claim. */
export interface ClassVolume {
  name: string;
  /** Reclaim policy; undefined where the volume does not say. */
  policy: string | undefined;
}

/** The volume that a StorageClass made for the claim; null where there is none, as of a volume of our own. */
export const classVolume = (
  kubectl: Pick<Kubectl, 'get'>,
  product: Pick<Product, 'namespace' | 'database'>,
  signal: AbortSignal,
): Promise<Known<ClassVolume | null>> =>
  known(
    databaseVolume(kubectl, product, signal).then(({ name, volume }) =>
      volume === undefined || name === product.database.volume.persistentVolume
        ? null
        : { name, policy: volume.spec?.persistentVolumeReclaimPolicy },
    ),
  );

/** Without it the data may go with the volume. */
export const retainCommand = (name: string): string =>
  `${sudo.kubectl} patch pv ${name} -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'`;

/**
 * The volume that a StorageClass made for the claim: its own policy says whether the data outlive the claim,
 * whatever that of the class is by now.
 */
export async function volumeOfClass({
  kubectl,
  product,
  storageClass,
}: Pick<InstallContext, 'kubectl' | 'product' | 'storageClass'>): Promise<Pick<UndoPlan, 'keeps' | 'stops'>> {
  const nothing = { keeps: [], stops: [] };
  if (storageClass === undefined) return nothing;
  const { claim, name, volume } = await databaseVolume(kubectl, product);
  if (claim === undefined || volume === undefined) return nothing;
  const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Delete';
  if (policy === 'Retain') return { keeps: [`the data: the volume ${name} stays`], stops: [] };
  const stop = {
    what:
      `the reclaim policy of the volume ${name} is ${foreign(policy)}: it would go with its claim, and ` +
      'the data with it',
    hint: retainCommand(name),
  };
  return { keeps: [], stops: [stop] };
}
