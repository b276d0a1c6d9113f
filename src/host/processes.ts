import { readdirSync, readFileSync } from 'node:fs';
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
