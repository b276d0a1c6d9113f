import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupName, hostFolder, hostImages } from './paths.ts';
import { hostPid } from './inside.ts';

/** What a host leaves on the machine, found without asking the lab: each entry names one thing. */

const text = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};
const processes = () => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));

function namespaces(pid: string | number): string[] {
  try {
    return ['net', 'mnt', 'pid', 'uts', 'ipc'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
  } catch {
    return []; // Ended in the meantime.
  }
}

/** The namespaces of a running host that the machine does not share. */
export function hostNamespaces(name: string): string[] {
  const machine = namespaces('self');
  return namespaces(hostPid(name)!).filter((id) => !machine.includes(id));
}

/** Everything on the machine that belongs to the host, and whatever still lives in `known` namespaces. */
export function traces(name: string, known: readonly string[] = []): string[] {
  const here = process.pid.toString();
  const belongs = (words: string) =>
    words.split(/[\s/\0:]+/).some((word) => word === name || word === cgroupName(name));
  const found: string[] = [];
  for (const pid of processes()) {
    const inside = namespaces(pid).some((id) => known.includes(id));
    const named = belongs(text(`/proc/${pid}/cgroup`)) || belongs(text(`/proc/${pid}/cmdline`));
    if (pid !== here && (inside || named)) {
      found.push(`process ${pid}: ${text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
    }
  }
  for (const line of text('/proc/self/mountinfo').split('\n')) if (belongs(line)) found.push(`mount ${line}`);
  for (const device of readdirSync('/sys/block')) {
    if (belongs(text(`/sys/block/${device}/loop/backing_file`))) found.push(`loop device ${device}`);
  }
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
    const folder = join('/sys/fs/cgroup', hierarchy, cgroupName(name));
    if (existsSync(folder)) found.push(`cgroup ${folder}`);
  }
  for (const folder of [hostFolder(name), hostImages(name)])
    if (existsSync(folder)) found.push(`folder ${folder}`);
  return found;
}
