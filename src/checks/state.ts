import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import { causeChain } from '../errors.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/** The state was read already; it must also be writable. */
export const state: Check<UpgradeCheckContext> = {
  id: 'state',
  kind: 'guard',
  title: 'State readable and writable',
  limit: 'readable; it and the folders that are written later are writable, and none is a symbolic link',
  why: 'each change is recorded before it is made',
  fix: 'look at the folder of the state file (ls -la, df -h)',
  timeoutSeconds: 30,
  flows: ['upgrade'],
  async measure({ paths, state: { schema, product } }) {
    try {
      for (const path of [paths.installer, paths.state]) await access(path, constants.R_OK | constants.W_OK);
      const trouble = await folderTrouble(paths);
      if (trouble !== undefined) return { outcome: 'fail', ...trouble };
      return { outcome: 'ok', measured: `schema ${schema.major}.${schema.minor} of ${product}` };
    } catch (error) {
      return {
        outcome: 'fail',
        measured: `not writable: ${causeChain(error)[0] ?? ''}`,
        fix: `${asRoot(`ls -la ${shellWord(paths.installer)}`)}; findmnt -T ${shellWord(paths.installer)}`,
      };
    }
  },
};

/** Folders that are written to or replaced later: each must be a real folder, writable by root. */
async function folderTrouble({
  folder,
  chart,
  backups,
  tools,
}: ProductPaths): Promise<Pick<Measurement, 'measured' | 'fix'> | undefined> {
  for (const path of [folder, chart, backups, tools]) {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (found.isSymbolicLink() && (path === backups || path === tools)) {
      return {
        measured: `${path} is a symbolic link, which is not followed when files are written`,
        fix: asRoot(
          `sh -c ${shellWord(
            `target=$(readlink -f ${shellWord(path)}) && rm ${shellWord(path)} && mkdir -m 700 ` +
              `${shellWord(path)} && mount --bind "$target" ${shellWord(path)}`,
          )}`,
        ),
      };
    }
    if (!found.isDirectory() && !found.isSymbolicLink()) {
      return { measured: `${path} is not a folder`, fix: `ls -ld ${shellWord(path)}` };
    }
    const refused = await access(path, constants.W_OK).then(
      () => undefined,
      (error: unknown) => causeChain(error)[0] ?? '',
    );
    if (refused === undefined) continue;
    // Root can write wherever the file system is writable, unless a file attribute forbids it.
    return {
      measured: `${path} is not writable: ${refused}`,
      fix: `${asRoot(`chattr -i ${shellWord(path)}`)}   # lsattr -d ${shellWord(path)} shows it`,
    };
  }
  return undefined;
}
