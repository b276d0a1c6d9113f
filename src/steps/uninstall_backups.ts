import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { keepFile } from '../backup/backup-folder.ts';
import { backupsIn } from '../backup/backup-record.ts';
import { lastResult } from '../backup/step-results.ts';
import { makeFolder } from '../host/atomic-file.ts';
import { moveTree } from '../host/move-tree.ts';
import { removeEmptyFolder, removeTree } from '../host/remove-tree.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { keptBackups, lastDumpResult } from '../release/last-dump.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallKeep } from './uninstall_keep.ts';
import { uninstallObjects } from './uninstall_objects.ts';

const out = z.object({ keptFiles: z.object({ backups: z.string().nullable(), files: z.array(z.string()) }) });

/**
 * Moves older backups, those of anchors among them, to what is kept, with copies of the operator's files.
 * Behind the point of no return: until then another command may need them where the state says they are.
 */
export const uninstallBackups: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_backups',
  out,
  title: 'Keep backups and values',
  needs: [uninstallObjects.id],
  revision: 1,
  inputs: ({ choices: { deleteBackups } }) => ({ deleteBackups }),

  async plan({ choices, found: { backups }, paths }) {
    const values = `copy ${basename(paths.values)} to ${choices.dumpTo}`;
    if (backups.names.length === 0) return { action: 'run', summary: values };
    const what = `${counted(backups.names.length, 'backup')} (${formatBytes(backups.bytes)})`;
    const how = choices.deleteBackups ? `delete ${what}` : `move ${what} there`;
    return { action: 'run', summary: `${values}, and ${how}` };
  },

  async run({ choices, product, paths, keptSecrets, run, cluster }, io) {
    // The steps that remove from the cluster are skipped without it: from here on it is this host's turn.
    if (cluster === undefined) await io.pointOfNoReturn({});
    const { dumpTo, deleteBackups } = choices;
    const files: string[] = [];
    for (const path of [paths.values, paths.overlay, paths.state]) {
      if (existsSync(path)) files.push(await keepFile(dumpTo, basename(path), await readFile(path)));
    }
    await io.checkpoint('values-kept');
    // Passwords of data that go, or that are in the record of the data that stay.
    const isNeeded = choices.keepData && io.result(uninstallKeep) === undefined;
    if (keptSecrets !== undefined && !isNeeded) await removeTree(keptSecrets);
    const to = keptBackups(dumpTo);
    // That of an unfinished rollback lies here.
    const lastDump = lastResult(run(), lastDumpResult)?.lastDump.folder;
    const { names, others } = await backupsIn(paths.backups, product.name);
    for (const name of [...names, ...others]) {
      io.signal.throwIfAborted();
      const from = join(paths.backups, name);
      if (deleteBackups && names.includes(name) && from !== lastDump) {
        await removeTree(from);
        continue;
      }
      if (others.includes(name)) io.warn(`${from} is no backup of ours: it is kept as ${join(to, name)}`);
      await makeFolder(to, 0o700);
      await moveTree(from, join(to, name));
    }
    await removeEmptyFolder(paths.backups);
    return { keptFiles: { backups: existsSync(to) ? to : null, files } };
  },
};
