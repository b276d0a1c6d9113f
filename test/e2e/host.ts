import { basename, dirname } from 'node:path';
import { labExec } from '../lab/host.ts';
import type { Finished } from '../lab/process.ts';
import { executable } from './executables.ts';
import { Wells } from './wells.ts';

type ExecOptions = NonNullable<Parameters<typeof labExec>[2]>;

export const fqdn = 'ivaap.example.com';

/** A root shell's environment after sudo on a system whose secure_path lacks /usr/local/bin. */
export const operatorEnvironment = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LOGNAME: 'root',
  SUDO_USER: 'olga',
  LANG: 'C.UTF-8',
};

/** The programs of the host itself, found by path: a test may take them from the operator's PATH. */
const k3sProgram = ['bash', '/usr/local/lib/lab/node/k3s'];

export interface IvaapOptions {
  env?: Record<string, string>;
  /** Words in front of the program, such as another user or a tracer. */
  under?: readonly string[];
  timeoutMs?: number;
}

/** A lab host with the product's folders and an operator who types. */
export class TestHost {
  readonly name: string;
  readonly wells: Wells;
  readonly #packages = new Set<string>();

  constructor(name: string) {
    this.name = name;
    this.wells = new Wells(this);
  }

  /** Runs a program in the host; never throws for its exit code. */
  run(argv: readonly string[], options: ExecOptions = {}): Promise<Finished> {
    return labExec(this.name, argv, { env: operatorEnvironment, ...options });
  }

  /** Runs a shell script and throws when it fails. */
  async shell(script: string, options: ExecOptions = {}): Promise<Finished> {
    const result = await this.run(['bash', '-euc', script], options);
    if (result.code === 0) return result;
    throw new Error(`in the host, ended with ${result.code}: ${script}\n${result.stdout}${result.stderr}`);
  }

  k3s(...args: string[]): Promise<Finished> {
    return this.run([...k3sProgram, ...args]);
  }

  kubectl(...args: string[]): Promise<Finished> {
    return this.k3s('kubectl', '--request-timeout=20s', ...args);
  }

  /** Throws when the object cannot be read. */
  async getJson<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.kubectl('get', '-n', 'ivaap', ...args, '-o', 'json');
    if (code !== 0) throw new Error(`kubectl get ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Output of one SELECT in the product's database, one line a row, as psql -At prints it. */
  async sql(query: string, database = 'ivaapdb'): Promise<string> {
    const psql = ['psql', '-U', 'postgres', '-d', database, '-v', 'ON_ERROR_STOP=1', '-AtqX', '-c', query];
    const argv = ['exec', '-n', 'ivaap', 'postgres-0', '-c', 'postgres', '--', ...psql];
    const { code, stdout, stderr } = await this.kubectl(...argv);
    if (code !== 0) throw new Error(`psql: ${query}\n${stderr}`);
    return stdout.trim();
  }

  async schemaVersion(): Promise<number> {
    return Number(await this.sql('SELECT max(version) FROM schema_migrations'));
  }

  /** A request through the host's ingress, with the product's name as Host. Status 0: nobody answered. */
  async http(method: string, path: string, body?: string): Promise<{ status: number; body: string }> {
    const data = body === undefined ? [] : ['-H', 'content-type: application/json', '--data-binary', '@-'];
    const argv = ['curl', '-sS', '-m', '30', '-X', method, '-H', `Host: ${fqdn}`, ...data];
    const { stdout } = await this.run(
      argv.concat('-w', '\n%{http_code}', `http://127.0.0.1${path}`),
      body === undefined ? {} : { input: body },
    );
    const cut = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
  }

  /** Where the package of a release is in this host; carried there when it is first asked for. */
  async package(version: string): Promise<string> {
    const folder = `/opt/packages/ivaap-${version}`;
    if (!this.#packages.has(version)) {
      const file = await executable(version);
      await this.shell(
        `mkdir -p ${folder}; mountpoint -q ${folder} || mount --bind -o ro ${dirname(file)} ${folder}`,
      );
      this.#packages.add(version);
    }
    return `${folder}/ivaap`;
  }

  /** Types `./ivaap ARGS` in the folder of a release's package. */
  async ivaap(version: string, args: readonly string[], options: IvaapOptions = {}): Promise<Finished> {
    return this.typeProgram(await this.package(version), args, options);
  }

  /** Types the name of a program in its own folder, as an operator does. */
  typeProgram(path: string, args: readonly string[], options: IvaapOptions = {}): Promise<Finished> {
    const { env = {}, under = [], timeoutMs = 240_000 } = options;
    return labExec(this.name, [...under, `./${basename(path)}`, ...args], {
      cwd: dirname(path),
      env: { ...operatorEnvironment, ...env },
      timeoutMs,
    });
  }

  async readFile(path: string): Promise<string> {
    return (await this.shell(`cat ${quoted(path)}`)).stdout;
  }

  async writeFile(path: string, text: string, mode = '0644'): Promise<void> {
    await this.shell(`cat > ${quoted(path)}; chmod ${mode} ${quoted(path)}`, { input: text });
  }

  /** Asks until the answer is there; throws with the last answer when it does not come. */
  async until<T>(what: string, seconds: number, ask: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + seconds * 1000;
    let problem = 'no answer yet';
    while (Date.now() < end) {
      try {
        const answer = await ask();
        if (answer !== undefined) return answer;
      } catch (error) {
        problem = (error as Error).message;
      }
      await new Promise((done) => setTimeout(done, 300));
    }
    throw new Error(`${what}: not within ${seconds} s (${problem})`);
  }

  /** Waits until the product answers its health routes and its wells can be read. */
  async untilHealthy(seconds = 90): Promise<void> {
    await this.until('the product answers', seconds, async () => {
      for (const path of ['/backend/health', '/admin/health']) {
        const { status, body } = await this.http('GET', path);
        if (status !== 200) throw new Error(`${path}: ${status} ${body.slice(0, 300)}`);
      }
      await this.wells.list();
      return true;
    });
  }
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
