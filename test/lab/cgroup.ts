import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupName } from './paths.ts';
import { until } from './process.ts';

/**
 * A host's cgroup has the same name in every hierarchy: whoever is below it belongs to the host, whatever was
 * written down.
 */

const root = '/sys/fs/cgroup';

function hierarchies(): string[] {
  return readdirSync(root).filter((name) => existsSync(join(root, name, 'cgroup.procs')));
}

const cgroups = (name: string) => hierarchies().map((each) => join(root, each, cgroupName(name)));

/** Makes the host's cgroups and returns the files to which a process writes its id to enter them. */
export function makeCgroups(name: string): string[] {
  return cgroups(name).map((folder) => {
    mkdirSync(folder, { recursive: true });
    // A new cpuset has no cores and no memory, and takes no process until it has.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (existsSync(join(folder, file))) {
        writeFileSync(join(folder, file), readFileSync(join(folder, '..', file), 'utf8'));
      }
    }
    return join(folder, 'cgroup.procs');
  });
}

/** A folder and all below it, the deepest first; of a pod that ends meanwhile, what is still there. */
function tree(folder: string): string[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...below.flatMap((entry) => tree(join(folder, entry.name))), folder];
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // Gone in the meantime.
  }
}

/** Ids, as the machine sees them, of all processes of the host. */
export function cgroupProcesses(name: string): number[] {
  const folders = cgroups(name).flatMap(tree);
  const ids = folders.flatMap((folder) => read(join(folder, 'cgroup.procs')).split('\n'));
  return [...new Set(ids.filter((id) => id !== '').map(Number))];
}

export function signalProcesses(ids: readonly number[], signal: NodeJS.Signals): void {
  for (const id of ids) {
    try {
      process.kill(id, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** False while the kernel still holds a process that has just ended, or another one has entered. */
function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends every process of the host and removes its cgroups. A process that a killed command has left may enter
 * them after the others have ended, so whoever is in them is ended again until they are gone.
 */
export async function endCgroups(name: string): Promise<void> {
  await until(
    40_000,
    () => {
      const ids = cgroupProcesses(name);
      signalProcesses(ids, 'SIGKILL');
      return ids.length === 0 && cgroups(name).flatMap(tree).every(removed);
    },
    () => `the cgroups of ${name} cannot be removed; processes in them: ${cgroupProcesses(name).join(' ')}`,
  );
}
