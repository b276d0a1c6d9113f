import { type Known, mapKnown } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { deleteKeptData, type KeptData } from '../release/kept-data.ts';
import { shellWord } from '../shell-word.ts';
import type { StatusReport } from './status-schema.ts';

/** The install that uses kept data; nothing of it was typed. */
export function useOfKeptData(
  program: string,
  { database }: Pick<Product, 'database'>,
  { folder }: Pick<KeptData, 'folder'>,
): string {
  const place = folder === database.volume.defaultPath ? '' : ` --storage-path ${shellWord(folder)}`;
  return `${program} install${place}`;
}

/** Kept data as `status` reports them: with the commands, without their secrets. */
export function keptDataReport(
  kept: Known<KeptData[]>,
  { state, product, program }: Pick<StatusReport, 'state'> & { product: Product; program: string },
): StatusReport['keptData'] {
  const isInstalled = state.known && state.value?.installed !== undefined;
  return mapKnown(kept, (all) =>
    all.map(({ folder, version, rows = null, sizeBytes = null, keptAt }) => {
      const use = isInstalled ? null : useOfKeptData(program, product, { folder });
      return { folder, version, rows, sizeBytes, keptAt, use, delete: deleteKeptData(folder) };
    }),
  );
}
