import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { labHosts } from '../lab/host.ts';
import { cgroupName, storeFile, storeFolder } from '../lab/paths.ts';

/** All that labs have on this machine just now, one line a thing; compared before and after the suites. */
export function labInventory(): string[] {
  const hosts = labHosts().map(({ name, state }) => `lab host ${name}, ${state}`);
  const hierarchies = readdirSync('/sys/fs/cgroup', { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const cgroups = hierarchies.flatMap(({ name: hierarchy }) =>
    readdirSync(join('/sys/fs/cgroup', hierarchy))
      .filter((name) => name.startsWith(cgroupName('')))
      .map((name) => `cgroup ${join('/sys/fs/cgroup', hierarchy, name)}`),
  );
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${storeFolder}`))
    .map((line) => `mount ${line.split(' ')[4]}`);
  const loops = readdirSync('/sys/block').filter((device) => {
    try {
      const file = readFileSync(join('/sys/block', device, 'loop/backing_file'), 'utf8').trim();
      return file === storeFile || file.startsWith(storeFolder);
    } catch {
      return false; // No loop device, or one without a file.
    }
  });
  return [...hosts, ...cgroups, ...mounts, ...loops.map((device) => `loop device ${device}`)];
}
