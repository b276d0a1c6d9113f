import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unfinished } from '../host/atomic-file.ts';
import { ifMissing } from '../host/if-missing.ts';
import { mountPointsBelow } from '../host/mounts.ts';
import { writerOf } from '../host/temporary-name.ts';
import type { Product } from '../payload/product-schema.ts';
import { keptDataPath } from './kept-data.ts';
import type { ProductPaths } from './product-paths.ts';

/** What of the product's folder was written by this installer, the product's own files among it. */
export interface OurFiles {
  /** Whether there is a folder at all. */
  there: boolean;
  /** Paths that are ours altogether, from the outside in. */
  ours: string[];
  /** Data folders that a rollback put aside, `NAME.removed-TIME`. */
  removedData: string[];
  /** Paths that nobody of us wrote. */
  foreign: string[];
  /** File systems that are mounted below the folder: what is on them is others' unless a path of ours is. */
  mounts: string[];
}

/** Beside the data folder: what a rollback of the step `postgres` renames it to. */
export const removedDataName = (storagePath: string, time: string): string =>
  `${storagePath}.removed-${time}`;

const isRemovedData = (path: string, storagePath: string): boolean =>
  dirname(path) === dirname(storagePath) &&
  path.startsWith(`${storagePath}.removed-`) &&
  /^\d{8}T\d{6}Z(-\d+)?$/.test(path.slice(`${storagePath}.removed-`.length));

/** Every path below the product's folder that is the installer's or the product's. */
function ourPaths(product: Product, paths: ProductPaths, storagePath: string | undefined): string[] {
  const connectors = Object.values(product.entitlements).map(({ connector }) => `${connector}.tar.gz`);
  return [
    paths.values,
    paths.chart,
    paths.coreArchive,
    ...(paths.connectors === undefined ? [] : connectors.map((name) => join(paths.connectors ?? '', name))),
    paths.state,
    paths.overlay,
    paths.backups,
    paths.tools,
    paths.scanReceipt,
    paths.lock,
    paths.work,
    paths.activation,
    join(paths.installer, 'logs'),
    ...(storagePath === undefined ? [] : [storagePath, keptDataPath(storagePath)]),
  ];
}

/** Whose the entries of the product's folder are. Follows no link. */
export async function ourFiles(
  product: Product,
  paths: ProductPaths,
  {
    storagePath,
    movedFrom = storagePath,
  }: { storagePath: string | undefined; movedFrom?: string | undefined },
): Promise<OurFiles> {
  const known = ourPaths(product, paths, storagePath);
  const found: OurFiles = { there: false, ours: [], removedData: [], foreign: [], mounts: [] };
  const besides = [...new Set([storagePath, movedFrom].filter((one) => one !== undefined))];
  const walk = async (folder: string): Promise<void> => {
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name);
      if (besides.some((one) => isRemovedData(path, one))) found.removedData.push(path);
      else if (known.includes(path) || isLeftover(path, known)) found.ours.push(path);
      else if (known.some((one) => one.startsWith(`${path}/`)) && (await lstat(path)).isDirectory())
        await walk(path);
      else found.foreign.push(path);
    }
  };
  for (const beside of besides) {
    for (const name of await namesIn(dirname(beside))) {
      const path = join(dirname(beside), name);
      const isOutside = !path.startsWith(`${paths.folder}/`);
      if (isOutside && isRemovedData(path, beside)) found.removedData.push(path);
    }
  }
  // The product's folder itself may be a link to another disk.
  found.there = (await stat(paths.folder).catch(ifMissing))?.isDirectory() === true;
  if (!found.there) return found;
  await walk(paths.folder);
  found.mounts = mountPointsBelow(paths.folder);
  return found;
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => ifMissing(error) ?? []);

/** An unfinished file of a writer of ours: of atomic files, of the journal, of a tree that is copied. */
function isLeftover(path: string, known: readonly string[]): boolean {
  const [folder, name] = [dirname(path), basename(path)];
  return known.some(
    (one) =>
      path === `${one}.${unfinished}` ||
      (dirname(one) === folder && writerOf(one, name, unfinished) !== undefined),
  );
}
