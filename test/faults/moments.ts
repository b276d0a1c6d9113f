import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { labPath } from '../lab/host.ts';
import type { WatchedRun } from './watched-run.ts';

/** Instants within a step that its journal does not name; each waits for it and stops the run there. */

/** `pid` of the program that is meant, where there is one; undefined when the step was over before. */
export type Moment = (run: WatchedRun, step: string) => Promise<{ pid?: number } | undefined>;

/** The run has started a program whose command line matches. */
export const program =
  (pattern: RegExp): Moment =>
  async (run, step) => {
    const pid = await run.program(step, pattern);
    if (pid === undefined) return undefined;
    await run.freeze();
    return run.programs(pattern).includes(pid) ? { pid } : undefined;
  };

const backups = '/opt/ivaap/.installer/backups';

function unfinishedDumpBytes(folder: string): number {
  try {
    const sizes = readdirSync(folder).map(
      (name) => statSync(join(folder, name, 'ivaapdb.sql.partial'), { throwIfNoEntry: false })?.size ?? 0,
    );
    return Math.max(0, ...sizes);
  } catch {
    return 0;
  }
}

/** Some megabytes of the dump are on disk, and the program that gives the rest still runs. */
export const dumpHalfWritten: Moment = async (run, step) => {
  const folder = labPath(run.host.name, backups);
  for (let count = 1; run.ended === undefined; count += 1) {
    if (unfinishedDumpBytes(folder) > 4_000_000) {
      await run.freeze();
      const [pid] = run.programs(/ pg_dump /);
      return pid === undefined ? undefined : { pid };
    }
    if (count % 20 === 0 && !run.isRunning(step)) return undefined;
    await sleep(1);
  }
  return undefined;
};

/** Helm has written its new revision and waits for the pods. */
export const helmAtWork: Moment = async (run, step) => {
  const started = await program(/\/helm upgrade /)(run, step);
  run.thaw();
  if (started?.pid === undefined) return undefined;
  const selector = 'owner=helm,name=ivaap,status=pending-upgrade';
  while (run.ended === undefined && run.isRunning(step)) {
    const { stdout } = await run.host.kubectl('get', 'secrets', '-n', 'ivaap', '-l', selector, '-o', 'name');
    if (stdout.trim() === '') continue;
    await run.freeze();
    return run.programs(/\/helm upgrade /).includes(started.pid) ? started : undefined;
  }
  return undefined;
};
