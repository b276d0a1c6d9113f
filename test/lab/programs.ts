import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { sideBySide } from '../../scripts/side-by-side.ts';
import { programsFolder } from './paths.ts';
import { collect, locked } from './process.ts';

/**
 * The lab's programs, built from the Go modules in programs/ at the versions that their go.mod pins. A module's result is
 * kept under the hash of all that went into it, so that a change of one module rebuilds that one only.
 */

interface Module {
  name: string;
  /** Each becomes a program of its last name. `.` is the module's own main.go, a program of the module's name. */
  packages: string[];
  ldflags?: string;
  tags?: string;
  environment?: Record<string, string>;
}

/** In the order of building: first the largest, and crictl last, which shares most of its packages with Kubernetes. */
const modules: Module[] = [
  // Without the version the node would call itself v0.0.0-master, and no version check could be tried.
  {
    name: 'kubernetes',
    packages: ['.', 'k8s.io/kubernetes/cmd/kubectl'],
    ldflags: '-X k8s.io/component-base/version.gitVersion=v1.34.4+k3s1',
  },
  {
    name: 'helm',
    packages: ['helm.sh/helm/v4/cmd/helm'],
    // A module's build knows no patch level of its own: it would call itself v4.3.
    ldflags: '-X helm.sh/helm/v4/internal/version.version=v4.3.1',
  },
  { name: 'coredns', packages: ['.'] },
  {
    name: 'containerd',
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(
      (command) => `github.com/containerd/containerd/v2/cmd/${command}`,
    ),
    ldflags: '-X github.com/containerd/containerd/v2/version.Version=v2.1.9-k3s1',
    tags: 'no_btrfs,no_devmapper,no_zfs,no_aufs',
  },
  { name: 'traefik', packages: ['github.com/traefik/traefik/v3/cmd/traefik'] },
  {
    name: 'crictl',
    packages: ['sigs.k8s.io/cri-tools/cmd/crictl'],
    ldflags: '-X sigs.k8s.io/cri-tools/pkg/version.Version=v1.34.0',
    environment: { GONOSUMDB: 'sigs.k8s.io/cri-tools' },
  },
];

/** Two at once: while one links, on a single processor, the other compiles. */
const buildsAtOnce = 2;
/** Go's compiler collects garbage in processes that end after a second; a build is a twelfth shorter when it hardly does. */
const compilerGarbage = { GOGC: '400' };

const source = (module: Module) => join(import.meta.dirname, 'programs', module.name);

function resultFolder(module: Module): string {
  const hash = createHash('sha256').update(JSON.stringify(module));
  for (const file of readdirSync(source(module)).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(source(module), file)));
  }
  return join(programsFolder, `${module.name}-${hash.digest('hex').slice(0, 16)}`);
}

function buildCommand({ packages, ldflags, tags }: Module): string {
  const flags = `-trimpath -buildvcs=false ${tags === undefined ? '' : `-tags ${tags} `}-ldflags '-s -w ${ldflags ?? ''}'`;
  return `[ ! -e prepare.sh ] || sh prepare.sh; go build ${flags} -o ../out/ ${packages.join(' ')}`;
}

async function build(module: Module, say: (line: string) => void): Promise<void> {
  const result = resultFolder(module);
  mkdirSync(programsFolder, { recursive: true });
  for (const left of readdirSync(programsFolder)) {
    // Left by a build that was killed: under this module's lock nobody else works in it.
    if (left.startsWith(`.${module.name}-`))
      rmSync(join(programsFolder, left), { recursive: true, force: true });
  }
  const work = mkdtempSync(join(programsFolder, `.${module.name}-`));
  const begun = performance.now();
  const seconds = () => `${Math.round((performance.now() - begun) / 1000)} s`;
  const progress = setInterval(() => say(`building ${module.name}, ${seconds()}`), 20_000);
  try {
    mkdirSync(join(work, 'out'));
    cpSync(source(module), join(work, 'src'), { recursive: true });
    const child = spawn('sh', ['-euc', buildCommand(module)], {
      cwd: join(work, 'src'),
      env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', ...compilerGarbage, ...module.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { code, stderr, stdout } = await collect(child);
    if (code !== 0) throw new Error(`building ${module.name} failed:\n${(stdout + stderr).slice(-4000)}`);
    renameSync(join(work, 'out'), result);
    say(`built ${module.name} in ${seconds()}`);
  } finally {
    clearInterval(progress);
    rmSync(work, { recursive: true, force: true });
  }
}

/** Names of the modules that are not built yet on this machine. */
export function missingPrograms(): string[] {
  return modules.filter((module) => !existsSync(resultFolder(module))).map(({ name }) => name);
}

/** Builds what is missing, two modules at once, each said on `say`; callers that come together wait for one build. */
export async function ensurePrograms(
  names: readonly string[] = modules.map(({ name }) => name),
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<void> {
  const missing = modules.filter(
    (module) => names.includes(module.name) && !existsSync(resultFolder(module)),
  );
  await sideBySide(missing.entries(), buildsAtOnce, async ([index, module]) => {
    const numbered = (line: string) => say(`lab programs ${index + 1}/${missing.length}: ${line}`);
    numbered(`building ${module.name} (or waiting for another that builds it)`);
    await locked(`build-${module.name}`, async () => {
      if (!existsSync(resultFolder(module))) await build(module, numbered);
    });
  });
}

/** Absolute paths of programs that work outside a lab host, too; builds those that are missing. */
export async function labPrograms(): Promise<{
  helm: string;
  ctr: string;
  containerd: string;
  crictl: string;
}> {
  const folders = programFolders();
  await ensurePrograms(['helm', 'containerd', 'crictl']);
  return {
    helm: join(folders['helm']!, 'helm'),
    ctr: join(folders['containerd']!, 'ctr'),
    containerd: join(folders['containerd']!, 'containerd'),
    crictl: join(folders['crictl']!, 'crictl'),
  };
}

/** Module name -> folder of its built programs. */
export function programFolders(): Record<string, string> {
  return Object.fromEntries(modules.map((module) => [module.name, resultFolder(module)]));
}
