import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readRegularText } from '../host/regular-file.ts';
import { removeEmptyFolder } from '../host/remove-tree.ts';

/** In the folder of an uninstall: what was removed, by whom and when, without secrets. */
export const lastRecordFile = 'uninstall.json';

const begunSchema = z.looseObject({
  format: z.literal(1),
  product: z.string(),
  host: z.string(),
  begunAt: z.string(),
  endedAt: z.undefined().optional(),
});

/**
 * Whether a folder holds the record of an uninstall of this product by this host that has not ended, and
 * nothing else: nothing was kept there.
 */
export async function isLoneRecord(folder: string, product: string): Promise<boolean> {
  try {
    const names = await readdir(folder);
    if (names.length !== 1 || names[0] !== lastRecordFile) return false;
    const text = await readRegularText(join(folder, lastRecordFile));
    const record = begunSchema.safeParse(JSON.parse(text)).data;
    return record?.product === product && record.host === hostname();
  } catch {
    return false;
  }
}

/** Removes such a record, and its folder; false where anything else is there. */
export async function removeLoneRecord(folder: string, product: string): Promise<boolean> {
  if (!(await isLoneRecord(folder, product))) return false;
  await rm(join(folder, lastRecordFile), { force: true });
  return removeEmptyFolder(folder);
}
