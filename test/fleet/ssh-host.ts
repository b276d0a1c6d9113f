import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from '../e2e/host.ts';
import { hostPid, labSpawn } from '../lab/inside.ts';
import { run } from '../lab/process.ts';
import type { Unpacked } from './control-machine.ts';

/** Every lab host has this address, each in its own network. */
const address = '10.203.0.10';

/** A lab host with an sshd that listens on the host's own address, in the host's own network. */
export class SshHost {
  /** In the inventory. */
  readonly name: string;
  readonly host: TestHost;
  readonly #programs: Unpacked;
  #listener: number | undefined;

  constructor(name: string, host: TestHost, programs: Unpacked) {
    this.name = name;
    this.host = host;
    this.#programs = programs;
  }

  /** Gives the host a key of its own, which `folder`/known_hosts then knows, and starts sshd. */
  async begin(folder: string): Promise<void> {
    const key = join(folder, `host-key-${this.name}`);
    await makeKey(this.#programs, key);
    const [type, base64] = readFileSync(`${key}.pub`, 'utf8').split(' ');
    writeFileSync(join(folder, 'known_hosts'), `${this.name} ${type} ${base64}\n`, { flag: 'a' });
    // The host's /etc is its own: the machine gets no user.
    await this.host.shell(
      'mkdir -p -m 700 /root/ssh /run/sshd; grep -q ^sshd: /etc/passwd || ' +
        'echo sshd:x:990:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd',
    );
    await this.host.writeFile('/root/ssh/host_key', readFileSync(key, 'utf8'), '0600');
    const operator = readFileSync(join(folder, 'operator.pub'), 'utf8');
    await this.host.writeFile('/root/ssh/authorized_keys', operator, '0600');
    await this.host.writeFile('/root/ssh/sshd_config', configuration, '0600');
    await this.listen();
  }

  async listen(): Promise<void> {
    const { sshd, environment } = this.#programs;
    const started = labSpawn(this.host.name, [sshd, '-D', '-e', '-f', '/root/ssh/sshd_config'], {
      env: environment,
    });
    let said = '';
    started.child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    this.#listener = await started.pid();
    await this.host.until('sshd listens', 30, async () => {
      if (said.includes('Server listening')) return true;
      throw new Error(said);
    });
  }

  /** Kills sshd and every connection: nobody reaches the host until `listen`. */
  cut(): void {
    const listener = this.#listener;
    if (listener === undefined) throw new Error(`${this.name}: no sshd listens`);
    const sessions = readFileSync(`/proc/${listener}/task/${listener}/children`, 'utf8').trim().split(' ');
    for (const pid of [listener, ...sessions.filter((each) => each !== '').map(Number)]) {
      process.kill(pid, 'SIGKILL');
    }
    this.#listener = undefined;
  }

  /** Its line of the inventory. ssh enters the host's network by a program: the machine opens no port. */
  inventory(folder: string): Record<string, string> {
    const proxy = `nsenter --target=${hostPid(this.host.name)} --net busybox nc ${address} 22`;
    const options = [
      `ProxyCommand='${proxy}'`,
      `UserKnownHostsFile=${join(folder, 'known_hosts')}`,
      'StrictHostKeyChecking=yes',
      'IdentitiesOnly=yes',
    ];
    return {
      ansible_user: 'root',
      ansible_ssh_executable: this.#programs.ssh,
      ansible_sftp_executable: this.#programs.sftp,
      ansible_sftp_extra_args: `-S ${this.#programs.ssh}`,
      ansible_ssh_private_key_file: join(folder, 'operator'),
      ansible_ssh_common_args: ['-F none', ...options.map((option) => `-o ${option}`)].join(' '),
      ansible_python_interpreter: this.#programs.python,
    };
  }
}

const configuration = `
ListenAddress ${address}
HostKey /root/ssh/host_key
AuthorizedKeysFile /root/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
`;

/** A key without a passphrase, for this run alone. */
export async function makeKey({ sshKeygen, environment }: Unpacked, file: string): Promise<void> {
  const assignments = Object.entries(environment).map((entry) => entry.join('='));
  await run('env', [...assignments, sshKeygen, '-q', '-t', 'ed25519', '-N', '', '-C', 'fleet', '-f', file]);
}
