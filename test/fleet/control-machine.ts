import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../../payload-spec/sample/cache.ts';
import { collect, run } from '../lab/process.ts';
import type { Finished } from '../lab/process.ts';

/**
 * The machine from which Ansible works: ansible-core and OpenSSH unpacked from Debian's packages into the
 * cache. Nothing is installed, no maintainer script runs, so no sshd starts on this machine.
 */

const suite = 'bookworm';
const packages = ['ansible-core', 'openssh-client', 'openssh-server'];
const notNeeded = ['doc', 'man', 'locale', 'perl'].map((folder) => join('usr/share', folder));
const playbooks = join(import.meta.dirname, '../../docs/fleet');

/** Programs of the packages, by their paths; also found there in every lab host. */
export interface Unpacked {
  root: string;
  python: string;
  ssh: string;
  sftp: string;
  sshKeygen: string;
  sshd: string;
  /** Of the libraries that this machine may lack. */
  environment: { LD_LIBRARY_PATH: string };
}

/** Unpacks the packages, where that has not been done yet: some 30 MB from Debian's mirror. */
export async function unpackedPrograms(): Promise<Unpacked> {
  const key = createHash('sha256')
    .update(JSON.stringify([suite, packages, notNeeded]))
    .digest('hex');
  const folder = await cached('fleet', key.slice(0, 16), async (scratch) => {
    const root = join(scratch, 'root');
    await run('mmdebstrap', ['--variant=extract', `--include=${packages.join(',')}`, suite, root]);
    for (const each of notNeeded) rmSync(join(root, each), { recursive: true, force: true });
  });
  const root = join(folder, 'root');
  const program = (name: string) => join(root, 'usr/bin', name);
  return {
    root,
    python: program('python3.11'),
    ssh: program('ssh'),
    sftp: program('sftp'),
    sshKeygen: program('ssh-keygen'),
    sshd: join(root, 'usr/sbin/sshd'),
    environment: { LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') },
  };
}

/** A play that runs. */
export interface Playing {
  ended: Promise<Finished>;
  /** Kills Ansible with all of its workers, as a crash of the control machine would. */
  kill(): void;
}

/** Plays docs/fleet/upgrade.yml; `folder` is Ansible's home, and holds all that it writes on this machine. */
export function play(
  { root, python, environment }: Unpacked,
  folder: string,
  args: readonly string[],
): Playing {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const argv = [join(root, 'usr/bin/ansible-playbook'), join(playbooks, 'upgrade.yml'), ...args];
  const child = spawn(python, argv, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: home,
      LANG: 'C.UTF-8',
      ANSIBLE_CONFIG: join(playbooks, 'ansible.cfg'),
      ANSIBLE_NOCOLOR: '1',
      ...environment,
    },
  });
  return {
    ended: collect(child),
    kill: () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    },
  };
}
