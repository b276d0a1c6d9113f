import { existsSync } from 'node:fs';
import { IvaapError } from '../../errors.ts';
import { missingMount, notMounted } from '../../host/missing-mount.ts';
import { mountHolding } from '../../host/mounts.ts';
import type { RecordedUninstall } from '../../release/uninstall-record.ts';
import { asRoot, shellWord } from '../../shell-word.ts';

/** Disks that have to be there: without them a folder says nothing, and what is kept goes elsewhere. */

/** Throws `preflight` while the disk of the data folder is away: nothing of it could be removed. */
export async function refuseMissingDataDisk(storagePath: string | undefined, again: string): Promise<void> {
  if (storagePath === undefined) return;
  const missing = await missingMount(storagePath);
  if (missing === undefined) return;
  const { why, hint } = notMounted(`the data folder ${storagePath}`, missing);
  throw new IvaapError('preflight', why, { hint: `${hint}\nThen: ${again}` });
}

/**
 * Throws `preflight` while the disk of the folder for what is kept is away: in its place a new folder would
 * be made, without the dump that is on the disk. A folder that somebody has made there is used.
 */
export async function refuseMissingDumpDisk(
  { dumpTo, dumpMount }: Pick<RecordedUninstall, 'dumpTo' | 'dumpMount'>,
  { again, mayMove }: { again: string; mayMove: boolean },
): Promise<void> {
  const another = mayMove ? '\nOr keep it elsewhere: --dump-to FOLDER' : '';
  const what = `the folder ${dumpTo}, where what is kept goes,`;
  const missing = await missingMount(dumpTo);
  if (missing !== undefined) {
    const { why, hint } = notMounted(what, missing);
    throw new IvaapError('preflight', why, { hint: `${hint}\nThen: ${again}${another}` });
  }
  if (dumpMount === undefined || existsSync(dumpTo) || mountHolding(dumpTo) === dumpMount) return;
  throw new IvaapError(
    'preflight',
    `the disk of ${what} is not mounted: when this uninstall began it was at ${dumpMount}`,
    {
      hint:
        `${asRoot(`mount ${shellWord(dumpMount)}`)}; then: ${again}\n` +
        `Where that disk is gone for good: ${asRoot(`mkdir -p -m 700 ${shellWord(dumpTo)}`)}; ` +
        `then: ${again}${another}`,
    },
  );
}
