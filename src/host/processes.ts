import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from './system.ts';

/** A process of this host, containers' included. */
export interface Process {
  pid: number;
  /** Clock ticks after boot. */
  startTime: number;
  argv: string[];
}

/** All processes that have a command line just now: threads of the kernel and zombies have none. */
export function listProcesses(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const pid = Number(name);
      try {
        const argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1);
        const startTime = processStartTime(pid);
        return argv.length === 0 || startTime === undefined ? [] : [{ pid, startTime, argv }];
      } catch {
        return []; // It has ended since.
      }
    });
}

/**
 * Processes whose working folder is the folder or a direct child of it, containers' included: theirs has
 * another name there, but is the same folder. A database's server works in its data folder.
 */
export function processesIn(folder: string): Process[] {
  const idOf = (path: string): string | undefined => {
    try {
      const { dev, ino } = statSync(path, { bigint: true });
      return `${dev}:${ino}`;
    } catch {
      return undefined; // It has ended, or is gone.
    }
  };
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const folders = new Set([folder, ...names.map(({ name }) => join(folder, name))].map(idOf));
  folders.delete(undefined);
  return listProcesses().filter(({ pid }) => folders.has(idOf(`/proc/${pid}/cwd`)));
}
