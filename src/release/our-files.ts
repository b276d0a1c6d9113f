import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unfinished } from '../host/atomic-file.ts';
import { ifMissing } from '../host/if-missing.ts';
import { mountPointsBelow } from '../host/mounts.ts';
import { writerOf } from '../host/temporary-name.ts';
import type { Product } from '../payload/product-schema.ts';
import { type Aside, asideOf } from './aside-folders.ts';
import { keptDataPath } from './kept-data.ts';
import type { ProductPaths } from './product-paths.ts';

/** What of the product's folder was written by this installer, the product's own files among it. */
export interface OurFiles {
  /** Whether there is a folder at all. */
  there: boolean;
  /** Paths that are ours altogether, from the outside in. */
  ours: string[];
  /** Data folders that were put aside, beside the live one. */
  aside: Aside[];
  /** Paths that nobody of us wrote. */
  foreign: string[];
  /** File systems that are mounted below the folder: what is on them is others' unless a path of ours is. */
  mounts: string[];
}

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
    logsOf(paths.installer),
    ...ofData({ storagePath }),
  ];
}

/**
 * What an uninstall does with a path of ours. `copied`: deleted, once what is kept has a copy.
 */
export function placeAfter(
  { values, overlay, state, backups, installer }: ProductPaths,
  path: string,
  { deleteBackups }: { deleteBackups: boolean },
): 'moved' | 'copied' | 'deleted' {
  if (path === values || path === overlay) return 'copied';
  if (path === backups) return deleteBackups ? 'deleted' : 'moved';
  return path === state || path === logsOf(installer) ? 'moved' : 'deleted';
}

const logsOf = (installer: string): string => join(installer, 'logs');

/** Paths that are not files of the product but its data, and their record. */
export const ofData = ({ storagePath }: { storagePath: string | undefined }): string[] =>
  storagePath === undefined ? [] : [storagePath, keptDataPath(storagePath)];

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
  const found: OurFiles = { there: false, ours: [], aside: [], foreign: [], mounts: [] };
  const besides = [...new Set([storagePath, movedFrom].filter((one) => one !== undefined))];
  const asideBeside = (path: string) =>
    besides.map((one) => asideOf(path, one)).find((one) => one !== undefined);
  const walk = async (folder: string): Promise<void> => {
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name);
      const aside = asideBeside(path);
      if (aside !== undefined) found.aside.push(aside);
      else if (known.includes(path) || isLeftover(path, known)) found.ours.push(path);
      else if (known.some((one) => one.startsWith(`${path}/`)) && (await lstat(path)).isDirectory())
        await walk(path);
      else found.foreign.push(path);
    }
  };
  for (const beside of besides) {
    for (const name of await namesIn(dirname(beside))) {
      const path = join(dirname(beside), name);
      const aside = path.startsWith(`${paths.folder}/`) ? undefined : asideOf(path, beside);
      if (aside !== undefined) found.aside.push(aside);
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
