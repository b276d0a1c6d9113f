import { type MajorChange, majorChangeSchema } from '../backup/upgrade-results.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import type { RunRecord } from '../engine/state.ts';
import { databaseVolume } from './database-volume.ts';
import { majorInFolder } from './kept-data.ts';

/** What a run was started with: after the switch the folder does not tell it any more. */
export const recordedMajorChange = (run: Readonly<RunRecord> | undefined): MajorChange | undefined =>
  majorChangeSchema.safeParse(run?.answers?.['majorChange']).data;

/**
 * Whether this release takes the data to another major version; undefined where it runs the same one, where
 * the product's data does not say how, and where the data do not lie in a folder of ours.
 */
export async function findMajorChange(
  kubectl: Pick<Kubectl, 'get'>,
  { product, release }: { product: Product; release: Pick<Release, 'postgresMajor'> },
  signal?: AbortSignal,
): Promise<MajorChange | undefined> {
  if (product.database.majorUpgrade !== 'dump-restore') return undefined;
  const { name, path: folder } = await databaseVolume(kubectl, product, signal);
  if (folder === undefined || name !== product.database.volume.persistentVolume) return undefined;
  const from = await majorInFolder(folder);
  const to = release.postgresMajor;
  return from === undefined || from === to ? undefined : { from, to, folder };
}
