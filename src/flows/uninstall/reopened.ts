import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { State } from '../../engine/state.ts';
import { ownerOf, readStateOf } from '../../engine/whose-state.ts';
import { moveTree } from '../../host/move-tree.ts';
import type { EndedUninstall } from '../../release/ended-uninstalls.ts';
import { recordedUninstall } from '../../release/uninstall-record.ts';
import type { Session } from '../../session/session.ts';

/**
 * The state of an uninstall that left out the cluster, as it lies in its folder, with its run unfinished: the
 * steps that it skipped are to do. Who agreed to lose data has not seen what came into the folder since.
 * Throws where the copy cannot be read.
 */
export async function reopenedState(
  { paths, product }: Pick<Session, 'paths' | 'product'>,
  { folder }: Pick<EndedUninstall, 'folder'>,
): Promise<State | undefined> {
  const path = join(folder, basename(paths.state));
  const state = await readStateOf(ownerOf(product), path);
  const recorded = recordedUninstall(state ?? {});
  if (state?.run === undefined || recorded === undefined) return undefined;
  const draft = structuredClone(state);
  const run = {
    ...state.run,
    status: 'failed' as const,
    noReturnAt: state.run.noReturnAt ?? state.run.startedAt,
  };
  draft.run = run;
  const { storagePath } = recorded;
  const names = storagePath === undefined ? [] : await readdir(storagePath).catch((): string[] => []);
  if (names.length > 0) draft.skippedBackups = state.skippedBackups.filter((one) => one.run !== run.id);
  return draft;
}

/** Its log goes on where it ended. */
export const takeBackLogs = ({ paths }: Pick<Session, 'paths'>, dumpTo: string): Promise<void> =>
  moveTree(join(dumpTo, 'logs'), join(paths.installer, 'logs'));
