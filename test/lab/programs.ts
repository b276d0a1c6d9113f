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
import { join, relative } from 'node:path';
import { inParallel } from '../../scripts/in-parallel.ts';
import { programsFolder } from './paths.ts';
import { collect, locked } from './process.ts';

/**
 * The lab's programs, built from the Go modules in programs/ at the versions that their go.mod pins. A
 * module's result is kept under the hash of all that went into it, so that a change of one module rebuilds
 * that one only.
 */

interface Module {
  name: 'node' | 'helm' | 'containerd' | 'troubleshoot';
  /** No part of a host: built by the command that needs it alone, and behind all other work. */
  byCommand?: true;
  /** Each becomes a program of its last name. */
  packages: string[];
  /** Variables of packages, set by the linker where the package is linked. */
  variables: Record<string, string>;
  tags?: string;
  environment?: Record<string, string>;
}

/**
 * In one module what two programs share has one version, and is compiled once. Helm wants a newer client-go
 * than the node has, containerd an older CRI. The node's is the longest build and the first, containerd's the
 * last: most of it is compiled by then.
 */
const modules: Module[] = [
  {
    name: 'node',
    packages: [
      './kubernetes',
      './coredns',
      'k8s.io/kubernetes/cmd/kubectl',
      'github.com/traefik/traefik/v3/cmd/traefik',
      'sigs.k8s.io/cri-tools/cmd/crictl',
    ],
    variables: {
      // Without it the node would call itself v0.0.0-master, and no version check could be tried.
      'k8s.io/component-base/version.gitVersion': 'v1.34.4+k3s1',
      'sigs.k8s.io/cri-tools/pkg/version.Version': 'v1.34.0',
    },
    environment: { GONOSUMDB: 'sigs.k8s.io/cri-tools' },
  },
  {
    name: 'helm',
    packages: ['helm.sh/helm/v4/cmd/helm'],
    // A module's build knows no patch level of its own: it would call itself v4.3.
    variables: { 'helm.sh/helm/v4/internal/version.version': 'v4.3.1' },
  },
  {
    name: 'containerd',
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(
      (command) => `github.com/containerd/containerd/v2/cmd/${command}`,
    ),
    variables: { 'github.com/containerd/containerd/v2/version.Version': 'v2.1.9-k3s1' },
    tags: 'no_btrfs,no_devmapper,no_zfs,no_aufs',
  },
  {
    name: 'troubleshoot',
    byCommand: true,
    packages: ['github.com/replicatedhq/troubleshoot/cmd/troubleshoot'],
    variables: { 'github.com/replicatedhq/troubleshoot/pkg/version.version': 'v0.133.0' },
    // As its makers build it: OpenPGP in Go, where the default needs a library in C.
    tags: 'netgo,containers_image_ostree_stub,containers_image_openpgp',
  },
];

/** Those that a host is made of. */
const ofHosts = modules.filter(({ byCommand }) => byCommand !== true);

/** Two at once: while one links, on a single processor, the other compiles. */
const buildsAtOnce = 2;

/**
 * Go's compiler collects garbage in processes that end after a second; a build is a twelfth shorter when it
 * hardly does.
 */
const compilerGarbage = { GOGC: '400' };

/** Nobody waits for what a command alone needs. */
const behindAll = ['nice', '-n', '15'];

const source = (module: Module) => join(import.meta.dirname, 'programs', module.name);

function resultFolder(module: Module): string {
  const hash = createHash('sha256').update(buildCommand(module));
  const entries = readdirSync(source(module), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((file) => join(file.parentPath, file.name));
  for (const file of files.sort()) {
    hash.update(`\0${relative(source(module), file)}\0`).update(readFileSync(file));
  }
  return join(programsFolder, `${module.name}-${hash.digest('hex').slice(0, 16)}`);
}

/** Without the tables of a debugger: a tenth of the time goes into making what the linker then leaves out. */
function buildCommand({ packages, variables, tags = '' }: Module): string {
  const settings = Object.entries(variables).map(([variable, value]) => `-X ${variable}=${value}`);
  const flags =
    `-v -trimpath -buildvcs=false -tags '${tags}' ` +
    "-gcflags=all=-dwarf=false -ldflags '-s -w " +
    `${settings.join(' ')}'`;
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
  const startedAt = performance.now();
  const seconds = () => `${Math.round((performance.now() - startedAt) / 1000)} s`;
  let compiled = 0;
  const progress = setInterval(() => say(`${compiled} packages compiled, ${seconds()}`), 20_000);
  try {
    mkdirSync(join(work, 'out'));
    cpSync(source(module), join(work, 'src'), { recursive: true });
    const [program, ...args] = [...(module.byCommand ? behindAll : []), 'sh', '-euc', buildCommand(module)];
    const child = spawn(program!, args, {
      cwd: join(work, 'src'),
      env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', ...compilerGarbage, ...module.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // With -v a package is a line of its own.
      compiled += text.match(/^[^\s:]+$/gm)?.length ?? 0;
    });
    const { code, stderr, stdout } = await collect(child);
    if (code !== 0) throw new Error(`building ${module.name} failed:\n${(stdout + stderr).slice(-4000)}`);
    renameSync(join(work, 'out'), result);
    say(`built in ${seconds()}`);
  } finally {
    clearInterval(progress);
    rmSync(work, { recursive: true, force: true });
  }
}

/** Names of the modules that a host needs and that are not built yet on this machine. */
export function missingPrograms(): string[] {
  return ofHosts.filter((module) => !existsSync(resultFolder(module))).map(({ name }) => name);
}

/** Builds what is missing, each module said on `say`; callers that come together wait for one build. */
export async function ensurePrograms(
  names: readonly Module['name'][] = ofHosts.map(({ name }) => name),
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<void> {
  const missing = modules.filter(
    (module) => names.includes(module.name) && !existsSync(resultFolder(module)),
  );
  await inParallel(missing, buildsAtOnce, async (module) => {
    const named = (line: string) => say(`lab programs, ${module.name}: ${line}`);
    named('building, or waiting for another that builds');
    await locked(`build-${module.name}`, async () => {
      if (!existsSync(resultFolder(module))) await build(module, named);
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
  const { node, helm, containerd } = programFolders();
  await ensurePrograms();
  return {
    helm: join(helm, 'helm'),
    ctr: join(containerd, 'ctr'),
    containerd: join(containerd, 'containerd'),
    crictl: join(node, 'crictl'),
  };
}

/** Module name -> folder of its built programs, of those that a host is made of. */
export function programFolders(): Record<'node' | 'helm' | 'containerd', string> {
  const folders = ofHosts.map((module) => [module.name, resultFolder(module)]);
  return Object.fromEntries(folders) as Record<'node' | 'helm' | 'containerd', string>;
}

/** Absolute path of Troubleshoot's `support-bundle`, which works in a host as well; builds it if missing. */
export async function troubleshootProgram(): Promise<string> {
  await ensurePrograms(['troubleshoot']);
  const module = modules.find(({ name }) => name === 'troubleshoot')!;
  return join(resultFolder(module), 'troubleshoot');
}
