import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { cgroupProcesses, endCgroups, makeCgroups, signalProcesses } from './cgroup.ts';
import { requireLabHost } from './doctor.ts';
import { ensureImages } from './images.ts';
import { labExec, hostPid, labPath, labSpawn, namespaceDepth } from './inside.ts';
import { cacheFolder, hostFolder, hostImages, hostsFolder, storeFolder } from './paths.ts';
import { locked, until } from './process.ts';
import { ensurePrograms, programFolders } from './programs.ts';
import {
  defaultSizes,
  disksReleased,
  loadSnapshot,
  makeDisks,
  removeDisks,
  saveSnapshot,
  withStore,
} from './store.ts';
import type { DiskSizes } from './store.ts';

export { labExec, labPath, labSpawn } from './inside.ts';

/**
 * A lab host's life: up, stop, snapshot, clone, down. Every call may be repeated after it was cut off
 * anywhere.
 */

export interface StartOptions {
  /** Also wait until every pod is ready again. Default true. */
  waitPods?: boolean;
  timeoutMs?: number;
  say?: (line: string) => void;
}

export interface UpOptions extends StartOptions {
  /** Sizes of the disks, when they are made. */
  sizes?: Partial<DiskSizes>;
}

export interface LabHost {
  name: string;
  state: 'running' | 'stopped';
  /** Its pid 1 as the machine sees it. */
  pid?: number;
  ageSeconds: number;
  folder: string;
}

const withHost = <T>(name: string, work: () => Promise<T>) => locked(`host-${name}`, work);

function requireName(name: string): void {
  if (/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) return;
  throw new Error(`"${name}" is no name: lower-case letters, digits and hyphens, 40 at most`);
}

/**
 * Starts pid 1 of the host on its disks. The host's cgroups come first: by them `down` finds whatever was
 * started.
 */
async function begin(name: string): Promise<void> {
  const folder = hostFolder(name);
  rmSync(join(folder, 'node'), { recursive: true, force: true });
  cpSync(join(import.meta.dirname, 'node'), join(folder, 'node'), { recursive: true });
  for (const image of await ensureImages()) cpSync(image, join(folder, 'node', basename(image)));
  const enter = makeCgroups(name).map((file) => `echo $$ >${file}`);
  const unshare =
    'exec unshare --mount --net --pid --uts --ipc --fork --mount-proc --propagation private /bin/bash';
  const console = openSync(join(folder, 'console.log'), 'a');
  const child = spawn('sh', ['-euc', `${enter.join('; ')}; ${unshare} "$0"`, join(folder, 'node/init.sh')], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', console, console],
    env: {
      LAB_NAME: name,
      LAB_HOST: folder,
      LAB_STORE: storeFolder,
      LAB_IMAGES: hostImages(name),
      LAB_CACHE: cacheFolder,
      LAB_PROGRAMS: Object.entries(programFolders())
        .map((entry) => entry.join('='))
        .join(' '),
    },
  });
  closeSync(console);
  child.unref();
  await until(
    10_000,
    () => cgroupProcesses(name).length > 0 || child.exitCode !== null,
    () => `lab host ${name} does not start`,
  );
}

/**
 * What the cluster says of pods that do not start, as lines to add to an error; nothing when it cannot be
 * asked.
 */
async function podTroubles(name: string): Promise<string> {
  const columns = 'POD:.involvedObject.name,REASON:.reason,MESSAGE:.message';
  const argv = ['get', 'events', '-A', '--field-selector=type=Warning', '--sort-by=.lastTimestamp', '-o'];
  const asked = labExec(name, ['k3s', 'kubectl', ...argv, `custom-columns=${columns}`], {
    timeoutMs: 10_000,
  });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  const lines = stdout.trim().split('\n').slice(1).slice(-8);
  return lines.length === 0
    ? ''
    : `; the cluster says:\n${lines.map((line) => `  ${line.slice(0, 300)}`).join('\n')}`;
}

/**
 * Waits until the host answers. Throws with what it waited for last, and the end of the console, when it does
 * not.
 */
async function ready(
  name: string,
  { waitPods = true, timeoutMs = 120_000, say }: StartOptions,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let last = 'its disks';
  const late = () => `lab host ${name}: still waiting for ${last} after ${timeoutMs / 1000} s`;
  const consoleText = () => readFileSync(join(hostFolder(name), 'console.log'), 'utf8').slice(-2000);
  await until(
    timeoutMs,
    () => {
      if (cgroupProcesses(name).length === 0)
        throw new Error(`lab host ${name} ended at once:\n${consoleText()}`);
      return hostPid(name) !== undefined && existsSync(labPath(name, '/run/lab/booted'));
    },
    late,
  );
  const { child } = labSpawn(name, ['/usr/local/lib/lab/node/ready.sh', ...(waitPods ? [] : ['--no-pods'])]);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) {
      last = line.replace(/^waiting for /, '');
      say?.(`${name}: ${line}`);
    }
  });
  let code: number | null | undefined;
  child.on('close', (status) => (code = status));
  try {
    await until(end - performance.now(), () => code !== undefined, late);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${error instanceof Error ? error.message : String(error)}${await podTroubles(name)}`, {
      cause: error,
    });
  }
  if (code !== 0) throw new Error(`lab host ${name} ended while waiting for ${last}:\n${consoleText()}`);
}

/** Makes the host, or starts it again on its disks, and waits until it answers. */
export async function labUp(name: string, options: UpOptions = {}): Promise<void> {
  requireName(name);
  requireLabHost();
  await ensurePrograms();
  await withHost(name, async () => {
    if (hostPid(name) !== undefined) return;
    await endCgroups(name); // What a cut-off `up` may have left.
    mkdirSync(hostFolder(name), { recursive: true });
    await withStore(async () => {
      if (!existsSync(join(hostImages(name), 'complete'))) {
        await makeDisks(name, { ...defaultSizes, ...options.sizes });
        writeFileSync(join(hostImages(name), 'complete'), '');
      }
    });
    await begin(name);
  });
  await ready(name, options);
}

/**
 * Ends the host and keeps its disks. Its pods are asked first and given `graceMs`; 0 is a power cut without
 * loss of what was written.
 */
export async function labStop(name: string, { graceMs = 5_000 } = {}): Promise<void> {
  await withHost(name, () => stop(name, graceMs));
}

async function stop(name: string, graceMs: number): Promise<void> {
  if (graceMs > 0 && hostPid(name) !== undefined) {
    holdCluster(name);
    const inPods = () => cgroupProcesses(name).filter((pid) => namespaceDepth(pid) > 1 && !isPause(pid));
    signalProcesses(inPods(), 'SIGTERM');
    await until(graceMs, () => inPods().length === 0, String).catch(() => {});
  }
  await endCgroups(name);
  await disksReleased(name);
}

function isPause(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('2147483647');
  } catch {
    return true;
  }
}

/** Stops the cluster's own programs as `systemctl stop k3s` does: pods continue running. */
function holdCluster(name: string): void {
  writeFileSync(labPath(name, '/run/lab/hold'), '');
  const folder = labPath(name, '/run/lab');
  const inside = new Set(
    readdirSync(folder)
      .filter((file) => file.endsWith('.pid'))
      .map((file) => readFileSync(join(folder, file), 'utf8').trim()),
  );
  const programs = cgroupProcesses(name).filter((pid) => {
    const status = namespaceDepth(pid) === 1 ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
    return inside.has(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1] ?? '');
  });
  signalProcesses(programs, 'SIGKILL');
}

/** Stops or starts k3s inside a running host; pods continue running meanwhile, as on a real host. */
export async function labCluster(
  name: string,
  action: 'stop' | 'start',
  options: StartOptions = {},
): Promise<void> {
  if (action === 'stop') {
    holdCluster(name);
    return;
  }
  rmSync(labPath(name, '/run/lab/hold'), { force: true });
  await ready(name, options);
}

/**
 * Stops the host, keeps all of its files as `snapshot` (an older one of that name is replaced) and leaves it
 * stopped.
 */
export async function labSnapshot(name: string, snapshot: string): Promise<void> {
  requireName(snapshot);
  await withHost(name, async () => {
    if (!existsSync(hostFolder(name))) throw new Error(`no lab host "${name}"`);
    await stop(name, 5_000);
    await withStore(() => saveSnapshot(name, snapshot));
  });
}

/** Starts a new host on a copy of a snapshot. */
export async function labClone(snapshot: string, name: string, options: StartOptions = {}): Promise<void> {
  requireName(name);
  requireLabHost();
  await ensurePrograms();
  await withHost(name, async () => {
    if (existsSync(hostFolder(name))) throw new Error(`there is a lab host "${name}" already`);
    mkdirSync(hostFolder(name), { recursive: true });
    try {
      await withStore(() => loadSnapshot(snapshot, name));
    } catch (error) {
      await remove(name);
      throw error;
    }
    await begin(name);
  });
  await ready(name, options);
}

async function remove(name: string): Promise<void> {
  await withStore(async () => {
    removeDisks(name);
    rmSync(hostFolder(name), { recursive: true, force: true });
  });
}

/** Ends the host and removes all that belongs to it, also what a cut-off command left. Snapshots stay. */
export async function labDown(name: string): Promise<void> {
  requireName(name);
  await withHost(name, async () => {
    await endCgroups(name);
    await disksReleased(name);
    await remove(name);
  });
}

export function labHosts(): LabHost[] {
  if (!existsSync(hostsFolder)) return [];
  return readdirSync(hostsFolder).map((name) => {
    const pid = hostPid(name);
    const ageSeconds = Math.round((Date.now() - statSync(hostFolder(name)).birthtimeMs) / 1000);
    return {
      name,
      state: pid === undefined ? 'stopped' : 'running',
      ...(pid !== undefined && { pid }),
      ageSeconds,
      folder: hostFolder(name),
    };
  });
}
