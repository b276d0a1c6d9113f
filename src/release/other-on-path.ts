import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { OtherOnPath } from '../policy/other-on-path.ts';
import { type NamedProduct, pathNames, pathPlaces } from '../policy/path-names.ts';
import { sameRecordedVersion } from '../version.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { readActivation } from './activation-record.ts';
import type { ProductPaths } from './product-paths.ts';

interface Host {
  product: NamedProduct;
  paths: Pick<ProductPaths, 'activation'>;
}

/** Undefined where nothing is on PATH, or the release that is installed, or nobody can say. */
export async function otherOnPath(
  { product, paths }: Host,
  installed: { version: string; binary?: unknown },
): Promise<OtherOnPath | undefined> {
  const asked = await readActivation(paths.activation);
  const record = asked.known ? asked.value : undefined;
  if (record === undefined || sameRecordedVersion(record.version, installed.version)) return undefined;
  const { folder } = pathPlaces(product);
  const isThere = (name: string) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
  const names = Object.values(pathNames(product)).filter(isThere);
  if (names.length === 0) return undefined;
  const { binary } = installed;
  const isKept = typeof binary === 'string' && existsSync(binary);
  return {
    version: record.version,
    names,
    activate: isKept ? asRoot(`${shellWord(binary)} activate`) : null,
  };
}
