import { existsSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable, writeFileAtomic } from '../host/atomic-file.ts';
import { copyTreeDurable } from '../host/copy-tree.ts';
import type { StepContext } from '../release/context.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { compactTime } from '../policy/compact-time.ts';

/**
 * Backup folders, and the only functions that write into them. Once Helm starts, the folders from before that
 * are sealed: their mode shows it, also to somebody who has lost the state. A mode does not stop root, so
 * every writer checks it here.
 */

const sealedMode = 0o500;

/** Whether a folder holds a backup from before Helm first started. */
export function isSealed(folder: string): boolean {
  const info = statSync(folder, { throwIfNoEntry: false });
  return info !== undefined && (info.mode & 0o200) === 0;
}

/** When a folder was sealed; undefined where it was not. */
export const sealedAt = (folder: string): Date | undefined =>
  isSealed(folder) ? statSync(folder).ctime : undefined;

/** Nothing is written there afterwards. May be called again. */
export async function sealFolders(folders: readonly string[]): Promise<void> {
  for (const folder of new Set(folders)) if (existsSync(folder)) await makeFolder(folder, sealedMode);
}

/** Where backups are; `given`: the operator named it. */
export type BackupPlace = Pick<StepContext['paths'], 'backups'> & { given?: boolean };

function assertOpen(folder: string): void {
  if (!isSealed(folder)) return;
  throw new IvaapError(
    'failed',
    `${folder} is sealed: it holds the backup from before Helm started, and nothing more is written there`,
    {
      hint: asRoot(`ls -la ${shellWord(folder)}`),
    },
  );
}

/**
 * Creates a new folder, 0700, that no earlier backup has: a backup of an earlier run is never written to
 * again. It is recorded before it is created, so an interrupted attempt leaves no unknown folder. `known` is
 * such a folder; it is used again unless it is sealed.
 */
export async function makeBackupFolder(
  ctx: Pick<StepContext, 'now'> & { paths: BackupPlace },
  io: Pick<StepIo, 'record'>,
  known?: string,
): Promise<string> {
  const open = known !== undefined && !isSealed(known) ? known : undefined;
  const stamp = compactTime(ctx.now());
  let folder = open ?? join(ctx.paths.backups, stamp);
  if (open === undefined) {
    for (let count = 2; existsSync(folder); count += 1) folder = join(ctx.paths.backups, `${stamp}-${count}`);
  }
  await io.record({ folder });
  // A folder that the operator named is theirs: its mode stays.
  if (ctx.paths.given !== true) await makeFolder(ctx.paths.backups, 0o700);
  await makeFolder(folder, 0o700);
  return folder;
}

/** Writes a small file of a backup, readable by root only. */
export async function keepFile(
  folder: string,
  name: string,
  content: string | Buffer,
  mode = 0o600,
): Promise<string> {
  assertOpen(folder);
  const path = join(folder, name);
  await writeFileAtomic(path, content, { mode });
  return path;
}

/** Copies a folder into a backup. */
export async function keepCopy(folder: string, name: string, from: string): Promise<void> {
  assertOpen(folder);
  await copyTreeDurable(from, join(folder, name));
}

/** A free name in a backup for a file or folder that somebody has edited. */
function editedName(folder: string, path: string): string {
  const name = `${basename(path)}.edited`;
  if (!existsSync(join(folder, name))) return name;
  for (let count = 2; ; count += 1)
    if (!existsSync(join(folder, `${name}-${count}`))) return `${name}-${count}`;
}

const editedText = (path: string, to: string): string =>
  `${path} differs from what the installer wrote: it is kept as ` +
  `${to}, and changes made by hand are not part of this run`;

/**
 * Moves a folder that somebody has edited into a backup, with a warning that names its new place; recorded
 * first as `editedChart`.
 */
export async function moveAside(
  io: Pick<StepIo, 'record' | 'warn'>,
  folder: string,
  path: string,
): Promise<string> {
  assertOpen(folder);
  const to = join(folder, editedName(folder, path));
  await io.record({ editedChart: to });
  try {
    await renameDurable(path, to);
  } catch (error) {
    if (!(error instanceof IvaapError) || (error.cause as NodeJS.ErrnoException).code !== 'EXDEV')
      throw error;
    // Backups may be on another disk.
    await copyTreeDurable(path, to);
    await rm(path, { recursive: true });
  }
  io.warn(editedText(path, to));
  return to;
}

/**
 * Copies a file that somebody has edited into a backup before it is overwritten, with a warning that names
 * the copy.
 */
export async function keepEdited(
  ctx: Pick<StepContext, 'paths' | 'now'>,
  io: Pick<StepIo, 'record' | 'warn'>,
  path: string,
  known?: string,
): Promise<void> {
  const folder = await makeBackupFolder(ctx, io, known);
  io.warn(editedText(path, await keepFile(folder, editedName(folder, path), await readFile(path))));
}
