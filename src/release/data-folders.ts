import { existsSync } from 'node:fs';
import * as z from 'zod';
import { stepRecord } from '../backup/step-results.ts';
import type { RunRecord } from '../engine/state.ts';
import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { renameDurable } from '../host/atomic-file.ts';
import { shellWord } from '../shell-word.ts';
import { majorInFolder } from './kept-data.ts';

/** A data folder that is not the live one. */
export const asideFolder = z.object({
  path: z.string(),
  /** Where the database's volume looks. */
  live: z.string(),
  /** Its major version of PostgreSQL. */
  major: z.int(),
});

/** The three places of a switch: `live` is where the database's volume looks, whatever lies there. */
export const folderNames = z.object({
  live: z.string(),
  incoming: z.string(),
  outgoing: z.string(),
  /** Major version of PostgreSQL of what comes in. */
  major: z.int(),
});

export type FolderNames = z.infer<typeof folderNames>;

/** As the step has recorded them before it moves anything. */
export const recordedNames = (run: Readonly<RunRecord> | undefined, step: string): FolderNames | undefined =>
  z.object({ folders: folderNames }).safeParse(stepRecord(run, step)).data?.folders;

/**
 * Where a switch has come to. `between`: nothing is in the live place. Throws 'failed' where neither of it is
 * true: somebody has moved a folder.
 */
export async function folderState({
  live,
  incoming,
  outgoing,
  major,
}: FolderNames): Promise<'before' | 'between' | 'after'> {
  const isLive = existsSync(live);
  if (existsSync(incoming)) {
    if (!isLive) return 'between';
    if (!existsSync(outgoing)) return 'before';
  } else if (isLive && (await majorInFolder(live)) === major) return 'after';
  const there = [live, incoming, outgoing].filter((path) => existsSync(path));
  throw new IvaapError(
    'failed',
    `the data folders are not as they were left: of ${live}, ${incoming} and ${outgoing} there ` +
      `${there.length === 1 ? 'is' : 'are'} ${there.length === 0 ? 'none' : there.join(', ')}. ` +
      'Nothing was changed',
    { hint: `ls -ld ${shellWord(live)}*` },
  );
}

/**
 * Moves the live folder aside and the incoming one into its place; no server works in either. A kill in
 * between leaves nothing in the live place, and the same call ends it.
 */
export async function switchFolders(names: FolderNames, io: Pick<StepIo, 'checkpoint'>): Promise<void> {
  const { live, incoming, outgoing } = names;
  const state = await folderState(names);
  if (state === 'after') return;
  if (state === 'before') await renameDurable(live, outgoing);
  await io.checkpoint('old-folder-aside');
  await renameDurable(incoming, live);
}
