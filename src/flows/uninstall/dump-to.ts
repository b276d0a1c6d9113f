import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IvaapError } from '../../errors.ts';
import { assertOutlivesK3s } from '../../host/k3s-own-folders.ts';
import { liesIn, placeOnDevice, roomAt } from '../../host/mounts.ts';
import { DiskReserve } from '../../host/reserve.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import type { Product } from '../../payload/product-schema.ts';
import { isLoneRecord } from '../../release/last-record.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { shellWord } from '../../shell-word.ts';

/** `/opt/ivaap` -> `/opt/ivaap-last-20260131T235959Z`. */
export const usualDumpTo = ({ folder, name }: Pick<Product, 'folder' | 'name'>, stamp: string): string =>
  join(dirname(folder), `${name}-last-${stamp}`);

/**
 * The folder for all that is kept, an absolute path, which it returns. Throws `usage` where it lies in what
 * is deleted, now or with k3s, by whatever links or mounts, or holds files of others; `preflight` where
 * others than root can change it.
 */
export async function assertDumpTo(
  path: string,
  { deleted, isOurs, product }: { deleted: readonly string[]; isOurs: boolean; product: string },
): Promise<string> {
  const [what, other] = [`--dump-to ${path}`, 'name another folder: --dump-to FOLDER'];
  const usage = (why: string, hint = other) => new IvaapError('usage', `${what} ${why}`, { hint });
  const within = deleted.find((folder) => liesIn(path, folder));
  if (within !== undefined) {
    const where = path === within ? 'is' : `lies in ${within}, which is`;
    throw usage(`${where} deleted by this uninstall`);
  }
  assertOutlivesK3s(path, { what, hint: other });
  await assertSafePath(path, { mayBeMissing: true, isChosen: true });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined || isOurs) return path;
  if (!there.isDirectory()) throw usage('is no folder', `ls -ld ${shellWord(path)}`);
  const [first] = readdirSync(path);
  // What an uninstall has left that was closed before it kept anything is no file of others.
  if (first === undefined || (await isLoneRecord(path, product))) return path;
  throw usage(`is not empty (${first}): what is kept gets a folder of its own`);
}

/**
 * Throws `preflight` where the disk lacks room for what is kept, with the reserve that stays free. What is
 * only renamed needs none.
 */
export async function assertRoomFor(
  dumpTo: string,
  product: Pick<Product, 'reserve'>,
  needs: { dumpBytes: number; moved: readonly { path: string; bytes: number }[] },
): Promise<void> {
  const { freeBytes, mountPoint } = await roomAt(dumpTo);
  const { keptBytes } = await DiskReserve.at(dumpTo, product.reserve);
  const { device } = placeOnDevice(dumpTo);
  const copied = needs.moved.filter(({ path }) => placeOnDevice(path).device !== device);
  const movedBytes = copied.reduce((sum, { bytes }) => sum + bytes, 0);
  const neededBytes = needs.dumpBytes + movedBytes;
  // Nothing to write but a few small files: the reserve is for exactly that.
  if (neededBytes === 0 || neededBytes + keptBytes <= freeBytes) return;
  throw new IvaapError(
    'preflight',
    `not enough free space on ${mountPoint} for what is kept: ${formatBytes(freeBytes)} are free; needed ` +
      `are ${formatBytes(needs.dumpBytes)} for the dump, ` +
      `${formatBytes(movedBytes)} for what is moved there and ` +
      `${formatBytes(keptBytes)} as a reserve`,
    {
      hint:
        'name a folder on another disk: --dump-to FOLDER; or free some space: ' +
        `df -h ${shellWord(mountPoint)}`,
    },
  );
}

/** Where the logs of the host lie once an uninstall has ended. */
export const keptLogs = (dumpTo: string): string => join(dumpTo, 'logs');
