import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import type { Again } from '../policy/again.ts';
import { nearestNames } from '../policy/nearest.ts';
import { asRoot, shellWord } from '../shell-word.ts';

const logEnd = '.jsonl';

/** Names of runs as they are made: nothing that leads out of the folder. */
const runName = /^[\w-]+$/;

interface Asked {
  /** Id of a run, or the path of its log; undefined for the last run. */
  run: string | undefined;
  /** Folder of this host's logs. */
  folder: () => Promise<string>;
  /** This program in the commands that messages tell the operator to run. */
  program: string;
  /** The command that runs, as it was typed. */
  again: Again;
}

/** Path of a run's log. Throws `usage` for a run that there is not, `failed` where it cannot be read. */
export async function runLogOf({ run, folder, program, again }: Asked): Promise<string> {
  if (run !== undefined && (run.includes('/') || run.endsWith(logEnd))) return existing(run);
  const logs = await folder();
  const found = await logsIn(logs, again());
  const [newest] = found;
  if (run === undefined) {
    if (newest !== undefined) return newest.path;
    throw new IvaapError('nothing_to_do', `there is no log of a run in ${logs}`, {
      hint:
        'a run that was refused before its first step leaves none: ' +
        `${program} report LOG reads another file`,
    });
  }
  const named = runName.test(run) ? found.find(({ name }) => name === run) : undefined;
  if (named !== undefined) return named.path;
  const names = found.map(({ name }) => name);
  const like = nearestNames(run, names, 1)[0] ?? names[0];
  throw new IvaapError('usage', `there is no log of a run ${run} in ${logs}`, {
    hint: like === undefined ? `ls -l ${shellWord(logs)}` : `${program} report ${like}`,
  });
}

function existing(path: string): string {
  let found: Stats | undefined;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new IvaapError('failed', `${path} cannot be read`, {
      hint: `ls -l ${shellWord(path)}`,
      cause: error,
    });
  }
  if (found?.isFile() === true) return path;
  throw new IvaapError('usage', found === undefined ? `there is no ${path}` : `${path} is no regular file`, {
    hint: `ls -ld ${shellWord(path)}`,
  });
}

interface FoundLog {
  name: string;
  path: string;
  changedMs: number;
}

/** Newest first. */
async function logsIn(folder: string, again: string): Promise<FoundLog[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(logEnd));
    return names
      .map((name) => ({
        name: name.slice(0, -logEnd.length),
        path: join(folder, name),
        changedMs: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      }))
      .sort((a, b) => b.changedMs - a.changedMs);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    const denied = code === 'EACCES' || code === 'EPERM';
    throw new IvaapError('failed', `the logs in ${folder} cannot be read${denied ? ' without root' : ''}`, {
      hint: denied ? asRoot(again) : `ls -ld ${shellWord(folder)}`,
      cause: error,
    });
  }
}
