import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import type { State } from '../engine/state.ts';
import { causeChain } from '../errors.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { CheckContext } from './facts.ts';
import { shellWord } from '../shell-word.ts';

/** The scan has read the whole file before: damage ends a command with its own exit code. */
export function checkPayload({ index }: Pick<CheckContext, 'index'>): Measurement {
  return {
    outcome: 'ok',
    measured: `${formatBytes(index.fileSize)} in ${counted(index.chunks.hashes.length, 'piece')}, all as packed`,
    limit: 'every byte as it was packed',
    data: { bytes: index.fileSize },
  };
}

/** It was read to come here; it must be possible to write it, too. */
export async function checkState(
  { paths }: Pick<CheckContext, 'paths'>,
  { schema, product }: State,
): Promise<Measurement> {
  const limit = 'readable, on a file system that can be written';
  const fix = `ls -la ${shellWord(paths.installer)}; findmnt -T ${shellWord(paths.installer)}`;
  try {
    for (const path of [paths.installer, paths.state]) await access(path, constants.R_OK | constants.W_OK);
    const trouble = await folderTrouble(paths);
    if (trouble !== undefined) return { outcome: 'fail', limit, ...trouble };
    return { outcome: 'ok', measured: `schema ${schema.major}.${schema.minor} of ${product}`, limit };
  } catch (error) {
    return {
      outcome: 'fail',
      measured: `it cannot be written: ${causeChain(error)[0] ?? ''}`,
      limit,
      fix,
    };
  }
}

/** Folders that are written into or replaced later: each a folder of its own, and none that even root may not write. */
async function folderTrouble({
  folder,
  chart,
  backups,
  tools,
}: CheckContext['paths']): Promise<Pick<Measurement, 'measured' | 'fix'> | undefined> {
  for (const path of [folder, chart, backups, tools]) {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (found.isSymbolicLink() && (path === backups || path === tools)) {
      return {
        measured: `${path} is a link, which is not followed when it is written into`,
        fix: `target=$(readlink -f ${shellWord(path)}) && rm ${shellWord(path)} && mkdir -m 700 ${shellWord(path)} && mount --bind "$target" ${shellWord(path)}`,
      };
    }
    if (!found.isDirectory() && !found.isSymbolicLink()) {
      return { measured: `${path} is no folder`, fix: `ls -ld ${shellWord(path)}` };
    }
    const refused = await access(path, constants.W_OK).then(
      () => undefined,
      (error: unknown) => causeChain(error)[0] ?? '',
    );
    if (refused === undefined) continue;
    // Root may write wherever the file system lets it: only an attribute keeps it from that.
    return {
      measured: `${path} cannot be written: ${refused}`,
      fix: `chattr -i ${shellWord(path)}   # lsattr -d ${shellWord(path)} shows it`,
    };
  }
  return undefined;
}
