import assert from 'node:assert/strict';
import type { TestHost } from './host.ts';

/**
 * What a program starts on a host, written down by a tracer: nothing short-lived escapes it, whatever its
 * name and place.
 */

const folder = '/root/traced';

/** Words in front of a program. */
export const tracer = (name: string): string[] => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-qq',
  '-s',
  '100000',
  '-e',
  'trace=execve,execveat',
  '-e',
  'signal=none',
  '-o',
  `${folder}/${name}`,
];

export async function prepareTracer(host: TestHost): Promise<void> {
  await host.shell(`mkdir -p ${folder}`);
}

/**
 * A start whose line ends before its result is reported, since another process had its turn, counts as one.
 */
const startedPattern = /execve\("([^"]+)", (\[.*\]), 0x.*(?: = 0| <unfinished \.\.\.>)$/gm;

/** What C writes and JSON does not; a backslash that is escaped itself starts none. */
const escapes = /\\\\|\\(?:x[0-9a-f]{2}|[0-7]{1,3}|v|a|e)/g;

/**
 * Command lines of the programs of the host and of the payload: `helm …`, `kubectl …`, `ctr …`, `crictl …`.
 */
export async function startedPrograms(host: TestHost, name: string): Promise<string[][]> {
  const text = await host.readFile(`${folder}/${name}`);
  const commands: string[][] = [];
  for (const [, path = '', words = '[]'] of text.matchAll(startedPattern)) {
    const argv = JSON.parse(words.replaceAll(escapes, (one) => (one === '\\\\' ? one : '?'))) as string[];
    const program = path.slice(path.lastIndexOf('/') + 1);
    if (program === 'helm') commands.push(['helm', ...argv.slice(1)]);
    else if (program === 'k3s') commands.push(withoutOptions(argv.slice(1)));
  }
  assert.ok(commands.length > 5, `the tracer saw what was started:\n${text.slice(0, 2000)}`);
  return commands;
}

/** `kubectl --kubeconfig FILE get …` as `kubectl get …`. */
function withoutOptions([program = '', ...words]: string[]): string[] {
  const rest = words[0] === '--kubeconfig' || words[0] === '--address' ? words.slice(2) : words;
  return [program, ...rest];
}

/** A shell that tries a password, and its whole script: one session that asks for nothing. */
const tryingPassword = /^PGPASSWORD=\$\(cat\) && .* exec psql [^;&|]* -c "SELECT 1"$/;

/**
 * Programs in a pod by what they are started with: `pg_dump … -d ivaapdb`; `login` for one that tries a
 * password.
 */
const inPod = (words: readonly string[]) => {
  const started = words.slice(words.indexOf('--') + 1);
  if (started[0] !== 'sh') return withoutEnv(started);
  // Otherwise a shell that stays until everything was read, and its own name.
  return tryingPassword.test(started[2] ?? '')
    ? ['login', ...started.slice(4)]
    : withoutEnv(started.slice(4));
};

/** `env NAME=VALUE pg_dump …` as `pg_dump …`. */
const withoutEnv = (words: string[]): string[] =>
  words[0] === 'env' ? words.slice(words.findIndex((word, at) => at > 0 && !word.includes('='))) : words;

const readingHelm = ['history', 'get', 'template', 'version', 'list', 'status'];
const readingKubectl = ['get', 'version', 'logs', 'describe', 'api-resources'];
const readingImages = ['list', 'ls', 'check'];
const readingContent = ['list', 'ls', 'get', 'fetch-blob'];

/** Whether a command could change anything: whatever is not known to read only. */
function mayChange(command: readonly string[]): boolean {
  const [program, ...words] = command;
  const [first = '', second = ''] = words.filter((word) => !word.startsWith('-'));
  switch (program) {
    case '--version':
      return false;
    case 'helm':
      return !readingHelm.includes(first);
    case 'crictl':
      return !['images', 'info', 'imagefsinfo'].includes(first);
    case 'ctr': {
      const plain = words.filter(
        (word) => !word.startsWith('-') && word !== 'k8s.io' && !word.startsWith('/'),
      );
      const [group = '', verb = ''] = plain;
      if (['images', 'image', 'i'].includes(group)) return !readingImages.includes(verb);
      if (group === 'content') return !readingContent.includes(verb);
      return group !== 'version';
    }
    case 'kubectl':
      if (first === 'apply' || first === 'create') return !words.includes('--dry-run=server');
      if (first === 'exec') {
        const [inner = '', ...args] = inPod(words);
        return !(inner === 'login' || (inner === 'psql' && args.includes('BEGIN TRANSACTION READ ONLY')));
      }
      return !readingKubectl.includes(first);
    default:
      return !(first === '--version' || second === '--version');
  }
}

/** Those that could change anything. */
export const changing = (commands: readonly string[][]): string[][] => commands.filter(mayChange);

/** Of `kubectl exec`: the program in the pod and its arguments. */
export const startedInPods = (commands: readonly string[][]): string[][] =>
  commands.filter(([program, verb]) => program === 'kubectl' && verb === 'exec').map(inPod);
