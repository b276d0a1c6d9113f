import { readdir, readFile } from 'node:fs/promises';
import { known } from '../../known.ts';
import { said } from '../said.ts';
import type { Collector } from '../collector.ts';

const shownProcesses = 60;

/** Settings of the kernel at whose limit pods fail in ways that name nothing. */
const settings = [
  '/proc/sys/fs/file-nr',
  '/proc/sys/fs/inotify/max_user_instances',
  '/proc/sys/fs/inotify/max_user_watches',
  '/proc/sys/kernel/pid_max',
  '/proc/sys/kernel/threads-max',
  '/proc/sys/vm/max_map_count',
  '/proc/sys/vm/overcommit_memory',
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/net/bridge/bridge-nf-call-iptables',
  '/proc/sys/net/netfilter/nf_conntrack_count',
  '/proc/sys/net/netfilter/nf_conntrack_max',
  '/sys/fs/cgroup/cgroup.controllers',
  '/proc/cgroups',
  '/sys/fs/selinux/enforce',
  '/sys/module/apparmor/parameters/enabled',
];

export const system: Collector = {
  id: 'system',
  title: 'Processes, load, clock, services, devices and limits of the kernel',
  timeoutMs: 10_000,
  async collect(ctx) {
    const ask = async (name: string, ...argv: [string, ...string[]]) =>
      ctx.add(name, await said(ctx, ...argv));
    const pressures = (await readdir('/proc/pressure').catch(() => [])).map(
      (name) => `/proc/pressure/${name}`,
    );
    ctx.add('load.txt', await contents(['/proc/loadavg', ...pressures]));
    ctx.add('settings.txt', await contents(settings));
    // Names alone: arguments hold secrets.
    const columns = 'pid,ppid,user,stat,rss,pcpu,etimes,comm';
    const processes = await said(ctx, 'ps', '-e', '-o', columns, '--sort=-rss');
    ctx.add('processes.txt', processes.split('\n', shownProcesses + 1).join('\n'));
    await Promise.all([
      ask('clock.txt', 'timedatectl', 'show'),
      ask('failed-services.txt', 'systemctl', 'list-units', '--failed', '--no-pager', '--plain'),
      ask('block-devices.txt', 'lsblk', '--output', 'NAME,SIZE,TYPE,RO,FSTYPE,MOUNTPOINT'),
    ]);
  },
};

/** Files with their names; one that this kernel has not is left out. */
async function contents(paths: readonly string[]): Promise<string> {
  const read = await Promise.all(
    paths.map(async (path) => ({ path, text: await known(readFile(path, 'utf8')) })),
  );
  return read
    .flatMap(({ path, text }) => (text.known ? [`${path}:\n${text.value.trim()}`] : []))
    .join('\n\n');
}
