import { type Dirent, existsSync } from 'node:fs';
import { lstat, readdir, readlink, realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { causeChain } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { removeLeftovers, syncFolder, unfinished } from '../host/atomic-file.ts';
import { readRegularText } from '../host/regular-file.ts';
import { programFolders } from '../host/secure-path.ts';
import { isTemporaryName } from '../host/temporary-name.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { Product } from '../payload/product-schema.ts';
import { activeName, pathNames, pathPlaces, shareFiles } from '../policy/path-names.ts';
import { sealedFor } from '../policy/sealed-text.ts';
import { readActivation, removeActivation } from './activation-record.ts';
import type { ProductPaths } from './product-paths.ts';

/** A product on this host, as far as its names on PATH are concerned. */
export interface OnPath {
  product: Pick<Product, 'name' | 'command' | 'onPath'>;
  paths: Pick<ProductPaths, 'activation'>;
}

/** What `activate` has put on PATH for this product and is there now; `left` is there and not ours. */
export interface FoundOnPath {
  files: string[];
  /** Names of files that are not there; a writer that died may have left its unfinished one. */
  unfinished: string[];
  links: string[];
  copies: string[];
  /** Ours to remove once they are empty, the innermost first. */
  folders: string[];
  left: { path: string; why: string }[];
}

/** Finds all of it, with or without its record. Changes nothing. */
export async function findOnPath({ product, paths }: OnPath): Promise<FoundOnPath> {
  const asked = await readActivation(paths.activation);
  const record = asked.known ? asked.value : undefined;
  const { folder } = pathPlaces(product);
  const found: FoundOnPath = { files: [], unfinished: [], links: [], copies: [], folders: [], left: [] };
  const usual = [
    ...usualFiles(product),
    ...(await manPagesOfCommands(product)),
    ...(await launchersElsewhere(product)),
  ];
  for (const path of new Set([...(record?.files ?? []), ...usual])) {
    const why = await whyNotOurs(path, product.name);
    if (why === undefined) found.files.push(path);
    else if (why === 'missing') found.unfinished.push(path);
    // A file that is not in the record and not ours has nothing to do with us.
    else if (record?.files.includes(path) === true) found.left.push({ path, why });
  }
  for (const entry of await entriesOf(folder))
    await judgeEntry(join(folder, entry.name), entry, product.name, found);
  if (existsSync(folder)) found.folders.push(folder);
  const made = (record?.folders ?? []).filter((path) => path !== folder && existsSync(path));
  found.folders.push(...made.toReversed());
  return found;
}

/**
 * Removes from this host what `activate` has put on PATH for this product, and nothing else. Killed anywhere,
 * the same call continues. `keepCopies`: executables that stay, such as the one that installed the release;
 * what is kept stays in the record. Returns the removed paths and what was left, with the reason.
 */
export async function removeFromPath(
  host: OnPath,
  { keepCopies = [] }: { keepCopies?: readonly string[] } = {},
): Promise<{ removed: string[]; left: { path: string; why: string }[] }> {
  const record = await readActivation(host.paths.activation);
  const { files, unfinished, links, copies, folders, left } = await findOnPath(host);
  const removed: string[] = [];
  const remove = async (path: string) => {
    await removeLeftovers(path).catch(() => undefined);
    await rm(path, { force: true });
    await syncFolder(dirname(path));
    removed.push(path);
  };
  // The launchers first, which were put there last: no name may be on PATH that leads nowhere.
  for (const path of [...files.toReversed(), ...links]) await remove(path);
  for (const path of unfinished) await removeLeftovers(path).catch(() => undefined);
  const kept = copies.filter((path) => keepCopies.includes(path));
  for (const path of copies) if (!kept.includes(path)) await remove(path);
  for (const path of folders) {
    const gone = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (gone) removed.push(path);
  }
  for (const path of kept) left.push({ path, why: 'the installed release was installed with it' });
  if (!record.known) {
    for (const path of await emptyFolders(files))
      left.push({ path, why: 'it is empty; whether activate made it is not known: rmdir removes it' });
  }
  if ((await lstat(host.paths.activation).catch(() => undefined))?.isDirectory() === true)
    left.push({ path: host.paths.activation, why: 'it is a folder' });
  else if (kept.length === 0) await removeActivation(host.paths.activation);
  return { removed, left };
}

/** Folders of these files that have nothing in them any more. */
async function emptyFolders(files: readonly string[]): Promise<string[]> {
  const empty: string[] = [];
  for (const folder of new Set(files.map((path) => dirname(path)))) {
    const names = await readdir(folder).catch(() => undefined);
    if (names?.length === 0) empty.push(folder);
  }
  return empty;
}

/** Where sudo does not look in the product's own folder, `activate` has put launchers into another one. */
async function launchersElsewhere(product: OnPath['product']): Promise<string[]> {
  const real = (folder: string) => realpath(folder).catch(() => folder);
  const { bin } = pathPlaces(product);
  const seen = new Set([await real(bin)]);
  const folders: string[] = [];
  for (const folder of await programFolders()) {
    const at = await real(folder);
    if (!seen.has(at)) folders.push(folder);
    seen.add(at);
  }
  const names = Object.values(pathNames(product));
  return folders.flatMap((folder) => names.map((name) => join(folder, name)));
}

/** Where `activate` puts files if nothing is said. */
function usualFiles(product: OnPath['product']): string[] {
  const { prefix, bin } = pathPlaces(product);
  return Object.values(pathNames(product)).flatMap((name) => [
    join(bin, name),
    shareFiles.bash(prefix, name),
    shareFiles.zsh(prefix, name),
    shareFiles.fish(prefix, name),
    shareFiles.man(prefix, name),
  ]);
}

/** `ivaap-install.8`: which commands there are depends on the release that was activated. */
async function manPagesOfCommands({ command, ...product }: OnPath['product']): Promise<string[]> {
  const { prefix } = pathPlaces({ command, ...product });
  const folder = dirname(shareFiles.man(prefix, command));
  const entries = await entriesOf(folder);
  return entries
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${command}-`) && name.endsWith('.8'))
    .map((name) => join(folder, name));
}

/** Undefined: it is ours, and as we wrote it. */
export async function whyNotOurs(path: string, product: string): Promise<string | undefined> {
  const info = await lstat(path).catch(() => undefined);
  if (info === undefined) return 'missing';
  if (info.isDirectory()) return 'it is a folder';
  if (info.isSymbolicLink()) return `it is a link to ${foreign(await readlink(path))}`;
  if (!info.isFile() || info.size > 1024 ** 2) return 'activate did not write it';
  const owner = await readRegularText(path).then(sealedFor, () => undefined);
  if (owner === product) return undefined;
  return owner === undefined
    ? 'activate did not write it, or it has been changed since'
    : `it belongs to the product ${owner}`;
}

const entriesOf = (folder: string): Promise<Dirent[]> =>
  readdir(folder, { withFileTypes: true }).catch(() => []);

/**
 * `active` leads to an executable, wherever that lies; a name, also one of an earlier release, leads to
 * `active`. A writer that died may have left either under its unfinished name.
 */
const isOurLink = (name: string, target: string | undefined): boolean =>
  name === activeName || target === activeName || isTemporaryName(name, unfinished);

async function judgeEntry(path: string, entry: Dirent, product: string, found: FoundOnPath): Promise<void> {
  if (entry.isSymbolicLink()) {
    const target = await readlink(path).catch(() => undefined);
    if (isOurLink(entry.name, target)) found.links.push(path);
    else
      found.left.push({
        path,
        why: `it is a link to ${foreign(target ?? '?')}, which activate did not make`,
      });
    return;
  }
  // A copy that its writer could not finish: it has no name of its own yet.
  if (entry.isFile() && isTemporaryName(entry.name, unfinished)) {
    found.copies.push(path);
    return;
  }
  const why = entry.isFile() ? await whyAnother(path, product) : 'activate did not write it';
  if (why === undefined) found.copies.push(path);
  else found.left.push({ path, why });
}

/** A copy is known by what it carries. */
async function whyAnother(path: string, product: string): Promise<string | undefined> {
  try {
    const payload = await openPayload(path);
    await payload.close();
    const { identity } = payload;
    return identity.product === product ? undefined : `it belongs to the product ${identity.product}`;
  } catch (error) {
    return causeChain(error)[0] ?? 'it cannot be read';
  }
}
