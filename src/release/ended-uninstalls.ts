import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { readRegularText } from '../host/regular-file.ts';
import type { Product } from '../payload/product-schema.ts';
import { type KeptData, readKeptData } from './kept-data.ts';
import { lastRecordFile } from './last-record.ts';

const recordSchema = z.looseObject({
  product: z.string(),
  version: z.string(),
  endedAt: z.string(),
  withoutCluster: z.boolean().optional(),
  keptData: z.looseObject({ folder: z.string() }).nullish().catch(undefined),
});

/** An uninstall of this product that has ended, as the record in its folder says. */
export interface EndedUninstall {
  /** With the record and all that it kept. */
  folder: string;
  version: string;
  endedAt: string;
  /** What the cluster held was left there, and has not been removed since. */
  withoutCluster: boolean;
  /** Of `--keep-data`. */
  keptFolder: string | undefined;
}

/**
 * Those whose folder lies beside the product's, as it does where nobody names another one, or in the one that
 * is `named`; the newest first.
 */
export async function endedUninstalls(
  { folder, name }: Pick<Product, 'folder' | 'name'>,
  named?: string,
): Promise<EndedUninstall[]> {
  const beside = await readdir(dirname(folder)).catch((): string[] => []);
  const usual = beside.filter((one) => one.startsWith(`${name}-last-`));
  const folders = named === undefined ? usual.map((one) => join(dirname(folder), one)) : [resolve(named)];
  const found: EndedUninstall[] = [];
  for (const one of folders) {
    const text = await readRegularText(join(one, lastRecordFile)).catch(() => '');
    const record = recordSchema.safeParse(parsed(text)).data;
    if (record?.product !== name) continue;
    const { version, endedAt, withoutCluster = false, keptData } = record;
    found.push({ folder: one, version, endedAt, withoutCluster, keptFolder: keptData?.folder });
  }
  return found.sort((a, b) => b.endedAt.localeCompare(a.endedAt));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Data that uninstalls have kept and that are there: in the usual folder, and where the records of uninstalls
 * say it. A record that cannot be read says nothing here; an install over its folder refuses it.
 */
export async function keptDataHere(
  product: Pick<Product, 'folder' | 'name' | 'database'>,
): Promise<KeptData[]> {
  const recorded = (await endedUninstalls(product)).flatMap(({ keptFolder }) => keptFolder ?? []);
  const folders = new Set([product.database.volume.defaultPath, ...recorded]);
  const kept = await Promise.all([...folders].map((one) => readKeptData(one).catch(() => undefined)));
  return kept.flatMap((one) => (one?.product === product.name && existsSync(one.folder) ? [one] : []));
}
