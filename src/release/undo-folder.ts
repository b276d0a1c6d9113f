import { existsSync } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { lastResult } from '../backup/step-results.ts';
import type { RunRecord } from '../engine/state.ts';
import type { Returning, UndoPlan } from '../engine/step.ts';
import { ifMissing } from '../host/if-missing.ts';
import { missingMount, notMounted, toldMounts } from '../host/missing-mount.ts';
import { isMountPoint } from '../host/mounts.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import type { InstallContext } from './context.ts';
import { type FoundFolder, foundFolderSchema, foundIn } from './found-folder.ts';
import { entriesOf, isOurData, recordedFolder } from './our-data.ts';

/** The step that makes the folder, by what it returns. */
type Maker = Returning<{ volume: { storagePath: string | null; found?: FoundFolder | undefined } }>;

/** What of the database's folder an undo takes away, and what stands against it. */
interface UndoFolder {
  path: string;
  /** `others`: it stays, with what is in it. */
  how: 'none' | 'empty' | 'data' | 'others';
  /** How its place was before the install; undefined where that was not recorded. */
  before: FoundFolder | undefined;
  stops: UndoPlan['stops'];
}

export async function undoFolder(ctx: InstallContext, maker: Maker): Promise<UndoFolder> {
  const { kubectl, product, install } = ctx;
  const path = recordedFolder(install()) ?? ctx.storagePath;
  const before = foundBefore(install(), maker, path);
  const none = { path, before, stops: [] };
  // A volume of a class has no folder of ours; its policy is Retain, so that its data outlive the claim.
  if (ctx.storageClass !== undefined) return { ...none, how: 'none' };
  const stopped = (what: string, hint: string): UndoFolder => ({
    path,
    before,
    how: 'none',
    stops: [{ what, hint }],
  });
  const unmounted = await missingMount(path);
  if (unmounted !== undefined) {
    const { why, hint } = notMounted(`the database's folder ${path}`, unmounted);
    return stopped(why, hint);
  }
  const stopsDatabase = ctx.again({
    add: ['--rollback-to helm_deploy'],
    without: ['--upgrade', '--trust-key', '--waive'],
  });
  const info = await lstat(path).catch(ifMissing);
  if (info === undefined) return { ...none, how: 'none' };
  if (info.isSymbolicLink()) {
    const target = resolve(dirname(path), await readlink(path));
    return stopped(
      `${path} is a link to ${target} now, and was a folder of this installer`,
      existsSync(target)
        ? `${stopsDatabase}; then: ${asRoot(`rm ${shellWord(path)}`)} && ` +
            asRoot(`mv -T ${shellWord(target)} ${shellWord(path)}`)
        : `ls -ld ${shellWord(path)}; where the data are gone: ${asRoot(`rm ${shellWord(path)}`)}`,
    );
  }
  const entries = (await entriesOf(path)) ?? [];
  // A folder that was there before stays.
  if (entries.length === 0)
    return { ...none, how: before !== undefined && before.path !== path ? 'empty' : 'others' };
  if (!(await isOurData(kubectl, product, path, install()))) return { ...none, how: 'others' };
  if (!isMountPoint(path)) return { ...none, how: 'data' };
  const told = (await toldMounts()).find(({ point }) => point === path);
  const line = told === undefined ? '' : `take it out of ${shellWord(told.toldIn)}; then: `;
  const hint = `${stopsDatabase}; then: ${line}${asRoot(`umount ${shellWord(path)}`)}`;
  return { ...stopped(`${path} is a mount point, which cannot be renamed`, hint), how: 'data' };
}

/** As an attempt that was cut off recorded it, as the completed step did, or as it was before all of them. */
function foundBefore(run: RunRecord | undefined, maker: Maker, path: string): FoundFolder | undefined {
  const cutOff = foundFolderSchema.safeParse(run?.steps[maker.id]?.recorded?.found).data;
  return cutOff ?? lastResult(run, maker)?.volume.found ?? foundIn(run?.originals, path);
}
