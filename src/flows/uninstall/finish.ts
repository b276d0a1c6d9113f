import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readState, type State } from '../../engine/state.ts';
import type { JsonObject } from '../../engine/step.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../host/atomic-file.ts';
import { moveTree } from '../../host/move-tree.ts';
import { removeEmptyFolder, removeTree } from '../../host/remove-tree.ts';
import { toldMounts } from '../../host/missing-mount.ts';
import { readRegularText } from '../../host/regular-file.ts';
import { lastResult } from '../../backup/step-results.ts';
import { endedUninstalls } from '../../release/ended-uninstalls.ts';
import { keptLastDump, lastDumpResult } from '../../release/last-dump.ts';
import { lastRecordFile } from '../../release/last-record.ts';
import type { ProductPaths } from '../../release/product-paths.ts';
import { recordedUninstall } from '../../release/uninstall-record.ts';
import type { Session } from '../../session/session.ts';
import type { FlowResult } from '../flow.ts';
import { keptLogs } from './dump-to.ts';
import { refuseMissingDumpDisk } from './disks.ts';
import type { UninstallOptions } from './options.ts';

/**
 * The end of an uninstall whose steps are all recorded: the installer's own folder goes, the state as its
 * last file. Killed at any instant, the same command finds the state and ends it, or two empty folders.
 */
export async function finishUninstall(paths: ProductPaths, recorded: State, dumpTo: string): Promise<void> {
  const { installer, state, lock, folder } = paths;
  // Whoever took it away after the last step: the record and the logs still have a place.
  await makeFolder(dumpTo, 0o700);
  await endRecord(recorded, dumpTo);
  await writeFileAtomic(join(dumpTo, basename(state)), await readFile(state), { mode: 0o600 });
  await moveTree(join(installer, 'logs'), keptLogs(dumpTo));
  for (const path of [paths.work, paths.tools, paths.scanReceipt, `${state}.partial`]) await removeTree(path);
  // We hold it as long as we live; whoever opens another one from here on finds nothing to do.
  await rm(lock, { force: true });
  await rm(state, { force: true });
  await syncFolder(installer);
  await removeFolders({ installer, folder });
}

/** The record that survives says how it ended: with which dump, or without one by whom. */
async function endRecord({ run, skippedBackups }: State, dumpTo: string): Promise<void> {
  const path = join(dumpTo, lastRecordFile);
  const begun = await readRegularText(path).then(
    (text) => JSON.parse(text) as JsonObject,
    (): JsonObject => ({}),
  );
  // Of this run alone: an earlier uninstall that was given up may have had a dump, too.
  const { objects, files, onPath, keptData }: JsonObject = Object.assign(
    {},
    ...Object.values(run?.steps ?? {}).map(({ status, out }) => (status === 'completed' ? out : {})),
  );
  const lastDump = lastResult(run, lastDumpResult)?.lastDump;
  const text = {
    ...begun,
    endedAt: run?.finishedAt ?? null,
    lastDump: lastDump === undefined ? (begun.lastDump ?? null) : keptLastDump(lastDump, dumpTo),
    keptData: keptData ?? null,
    skippedBackup: skippedBackups.findLast((one) => one.run === run?.id) ?? begun.skippedBackup ?? null,
    withoutCluster: isWithoutCluster(run),
    objects: objects ?? null,
    files: files ?? null,
    onPath: onPath ?? null,
  };
  await writeFileAtomic(path, `${JSON.stringify(text, null, 2)}\n`, { mode: 0o600 });
}

const isWithoutCluster = (run: State['run']): boolean =>
  ['uninstall_objects', 'uninstall_images'].some((id) => run?.steps[id]?.status !== 'completed');

/** Only while they are empty: what others put there stays. */
async function removeFolders({ installer, folder }: Pick<ProductPaths, 'installer' | 'folder'>) {
  const removed = await removeEmptyFolder(installer);
  return (await removeEmptyFolder(folder)) || removed;
}

/** Ends what an earlier run left: one that was killed after its last step. */
export async function restOfUninstall(
  { paths, product, again }: Pick<Session, 'paths' | 'product' | 'again'>,
  { dryRun, dumpTo: named }: Pick<UninstallOptions, 'dryRun' | 'dumpTo'>,
): Promise<FlowResult | undefined> {
  if (!existsSync(paths.state)) {
    // What the cluster holds is removed first, where the last one left it out: its end removes the folders.
    const [last] = await endedUninstalls(product, named);
    if (last?.withoutCluster === true) return undefined;
    const isRest = existsSync(paths.installer) || (await hasEnded(product, named));
    if (!isRest || dryRun || !(await removeFolders(paths))) return undefined;
    return ended(`The last folders of an earlier uninstall of ${product.title} were removed.`, null);
  }
  const state = await readState(paths.state).catch(() => undefined);
  if (state?.product !== product.name || state.run?.status !== 'completed') return undefined;
  const recorded = recordedUninstall(state);
  if (recorded === undefined) return undefined;
  const { dumpTo } = recorded;
  if (dryRun)
    return ended(`Everything is removed but the installer's own folder ${paths.installer}.`, dumpTo);
  await refuseMissingDumpDisk(recorded, { again: again(), mayMove: false });
  await finishUninstall(paths, state, dumpTo);
  return ended(`${product.title} ${state.run.to} is uninstalled. What is kept: ${dumpTo}`, dumpTo);
}

/**
 * Whether a record says that this product was uninstalled: an empty folder of its name is not enough for it.
 */
async function hasEnded(product: Session['product'], named: string | undefined): Promise<boolean> {
  const { folder } = product;
  // An empty folder on which a disk is to be mounted is no rest of ours.
  if (!existsSync(folder) || (await toldMounts()).some(({ point }) => point === folder)) return false;
  return (await endedUninstalls(product, named)).length > 0;
}

const ended = (line: string, keptIn: string | null): FlowResult => ({
  lines: [line],
  data: {
    version: null,
    keptIn,
    dump: null,
    dumpSha256: null,
    keptData: null,
    log: null,
    left: [],
    warnings: [],
  },
});
