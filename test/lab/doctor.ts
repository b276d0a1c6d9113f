import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isStatic, pauseFault } from './pause.ts';
import { ensurePrograms, missingPrograms } from './programs.ts';
import { run } from './process.ts';

/**
 * What the lab and the other suites need of the machine: a file that proves it and the Debian package that
 * brings it.
 */
const needs: readonly { file: string; debianPackage: string }[] = [
  { file: '/usr/sbin/runc', debianPackage: 'runc' },
  { file: '/usr/lib/cni/ptp', debianPackage: 'containernetworking-plugins' },
  { file: '/usr/sbin/iptables', debianPackage: 'iptables' },
  { file: '/usr/sbin/ip', debianPackage: 'iproute2' },
  { file: '/bin/busybox', debianPackage: 'busybox-static' },
  { file: '/usr/sbin/mkfs.xfs', debianPackage: 'xfsprogs' },
  { file: '/usr/bin/mmdebstrap', debianPackage: 'mmdebstrap' },
  { file: '/usr/bin/zstd', debianPackage: 'zstd' },
  { file: '/usr/bin/strip', debianPackage: 'binutils' },
  { file: '/usr/bin/openssl', debianPackage: 'openssl' },
  { file: '/usr/bin/curl', debianPackage: 'curl' },
  { file: '/usr/bin/nsenter', debianPackage: 'util-linux' },
  { file: '/usr/bin/script', debianPackage: 'bsdutils' },
  { file: '/usr/sbin/losetup', debianPackage: 'mount' },
  { file: '/usr/bin/unzip', debianPackage: 'unzip' },
  { file: '/usr/lib/postgresql/15/bin/initdb', debianPackage: 'postgresql-15' },
  { file: '/usr/bin/minisign', debianPackage: 'minisign' },
  { file: '/usr/bin/jq', debianPackage: 'jq' },
  { file: '/usr/bin/strace', debianPackage: 'strace' },
  { file: '/usr/bin/python3', debianPackage: 'python3-minimal' },
  { file: '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', debianPackage: 'libfaketime' },
];

const busybox = '/bin/busybox';

export interface Finding {
  ok: boolean;
  what: string;
  /** One command that fixes it, where there is one. */
  command?: string;
}

const missingPackages = () => needs.filter(({ file }) => !existsSync(file)).map((need) => need.debianPackage);
const installCommand = (packages: readonly string[]) =>
  `apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/** What keeps the lab from running here, and what is fine. */
export function examineMachine(): Finding[] {
  const packages = missingPackages();
  const go = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const [, minor = '0'] = /^go1\.(\d+)/.exec(go) ?? [];
  const fileSystems = readFileSync('/proc/filesystems', 'utf8');
  const missing = missingPrograms();
  return [
    { ok: process.getuid?.() === 0, what: 'root' },
    {
      ok: existsSync('/sys/fs/cgroup/memory/cgroup.procs'),
      what: 'cgroup v1 hierarchies below /sys/fs/cgroup (the lab knows no other)',
    },
    { ok: /\txfs\n/.test(fileSystems), what: 'a kernel with XFS', command: 'modprobe xfs' },
    { ok: /\toverlay\n/.test(fileSystems), what: 'a kernel with overlayfs', command: 'modprobe overlay' },
    { ok: existsSync('/dev/loop-control'), what: 'loop devices', command: 'modprobe loop' },
    { ok: Number(minor) >= 26, what: `Go 1.26 or newer (here: ${go || 'none'})` },
    {
      ok: packages.length === 0,
      what: packages.length === 0 ? 'Debian packages' : `Debian packages; missing: ${packages.join(' ')}`,
      ...(packages.length > 0 && { command: installCommand(packages) }),
    },
    {
      ok: existsSync(busybox) && isStatic(busybox) === true,
      what: `a static ${busybox}: the lab's images hold nothing but it`,
      command: installCommand(['busybox-static']),
    },
    {
      ok: missing.length === 0,
      what: missing.length === 0 ? 'built programs' : `built programs; missing: ${missing.join(' ')}`,
      ...(missing.length > 0 && { command: 'npm run lab -- doctor --fix' }),
    },
  ];
}

/** Whether the image that every pod starts with runs. */
export async function examineImages(): Promise<Finding[]> {
  const fault = await pauseFault(busybox).catch(String);
  const what = 'the pause image runs';
  return [{ ok: fault === undefined, what: fault === undefined ? what : `${what}; it said: ${fault}` }];
}

/**
 * Installs the Debian packages and builds the programs that are missing; throws what cannot be fixed from
 * here.
 */
export async function ensureLabHost(say: (line: string) => void = console.error): Promise<void> {
  const packages = missingPackages();
  if (packages.length > 0) {
    say(`installing Debian packages: ${packages.join(' ')}`);
    const install = ['sh', ['-c', `DEBIAN_FRONTEND=noninteractive ${installCommand(packages)}`]] as const;
    // The lists may be absent or name versions that are no longer served.
    await run(...install).catch(async () => {
      await run('apt-get', ['update', '-q']);
      await run(...install);
    });
  }
  requireLabHost();
  await ensurePrograms(undefined, say);
}

/** Throws unless a lab host can be started here; programs that are only not built yet are no hindrance. */
export function requireLabHost(): void {
  const bad = examineMachine().filter(({ ok, what }) => !ok && !what.startsWith('built programs'));
  if (bad.length === 0) return;
  const lines = bad.map(({ what, command }) => `  ${what}${command === undefined ? '' : `\n    ${command}`}`);
  throw new Error(`the lab needs of this machine:\n${lines.join('\n')}`);
}
