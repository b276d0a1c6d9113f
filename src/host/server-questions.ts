import { type Kubectl, type KubeObject, type Manifest } from './kubectl.ts';
import { saysServerDown, explainIfClusterDown } from './cluster-down.ts';
import { failure } from './program-failure.ts';

/** Questions to the API server about many objects at once, which change nothing. Answers hold secrets. */

export interface Question {
  namespace: string;
  signal: AbortSignal;
}

/** What the API server would make of objects, or why it refuses at least one of them. */
export type Trial = { objects: KubeObject[]; refusal?: undefined } | { objects?: undefined; refusal: string };

const requestSeconds = 60;

/** One document each: in a List kubectl would judge the fields itself, by another rule than the server's. */
const documents = (manifests: readonly Manifest[]) =>
  manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');

async function ask(
  kubectl: Kubectl,
  args: readonly string[],
  manifests: readonly Manifest[],
  { namespace, signal }: Question,
): Promise<Trial> {
  const { exitCode, stdout, stderr } = await kubectl.run(
    [
      ...args,
      '--filename=-',
      '--output=json',
      `--namespace=${namespace}`,
      `--request-timeout=${requestSeconds}s`,
    ],
    { stdin: documents(manifests), signal, timeoutMs: (requestSeconds + 30) * 1000, okCodes: 'any' },
  );
  if (exitCode === 0) return { objects: objectsIn(stdout) };
  if (saysServerDown(stderr)) {
    const label = `kubectl ${args[0]}`;
    const fields = { exitCode, endedBy: undefined, reason: 'exit', stdout: '', stderr } as const;
    throw explainIfClusterDown(failure(`${label} failed with exit code ${exitCode}`, fields));
  }
  return { refusal: withoutWarnings(stderr) };
}

const withoutWarnings = (stderr: string) =>
  stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(Warning: |[EWI]\d{4} )/.test(line))
    .join('\n');

/** kubectl prints one object, a List, or several objects one after the other. */
function objectsIn(text: string): KubeObject[] {
  const parts = text.trim() === '' ? [] : text.trim().split(/\n(?=\{\n)/);
  return parts.flatMap((part) => {
    const read = JSON.parse(part) as KubeObject & { items?: KubeObject[] };
    return read.kind === 'List' ? (read.items ?? []) : [read];
  });
}

/** A server-side apply in a manager's name. */
export function tryApply(
  kubectl: Kubectl,
  manifests: readonly Manifest[],
  { manager, force, ...question }: Question & { manager: string; force: boolean },
): Promise<Trial> {
  const how = [
    '--server-side',
    `--field-manager=${manager}`,
    '--dry-run=server',
    ...(force ? ['--force-conflicts'] : []),
  ];
  return ask(kubectl, ['apply', ...how], manifests, question);
}

/** A creation; `as` is a service account, `NAMESPACE:NAME`, in whose name it is asked. */
export function tryCreate(
  kubectl: Kubectl,
  manifests: readonly Manifest[],
  { as, ...question }: Question & { as?: string },
): Promise<Trial> {
  const groups = ['system:serviceaccounts', 'system:authenticated'].map((group) => `--as-group=${group}`);
  const who = as === undefined ? [] : [`--as=system:serviceaccount:${as}`, ...groups];
  return ask(kubectl, ['create', '--dry-run=server', ...who], manifests, question);
}

/**
 * The live objects of those that are named; what is not there is left out. `unserved`: those of kinds that
 * this server does not know.
 */
export async function getAll(
  kubectl: Kubectl,
  manifests: readonly Manifest[],
  question: Question,
): Promise<{ objects: KubeObject[]; unserved: Manifest[] }> {
  const named = manifests.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
  }));
  const asked = new Map(named.map((one, place) => [one, manifests[place] as Manifest]));
  const unserved: Manifest[] = [];
  while (asked.size > 0) {
    const answer = await ask(kubectl, ['get', '--ignore-not-found'], [...asked.keys()], question);
    if (answer.objects !== undefined) return { objects: answer.objects, unserved };
    const unknown = unservedKinds(answer.refusal);
    const out = [...asked].filter(([{ apiVersion, kind }]) => unknown.has(`${apiVersion} ${kind}`));
    if (out.length === 0) {
      const fields = {
        exitCode: 1,
        endedBy: undefined,
        reason: 'exit',
        stdout: '',
        stderr: answer.refusal,
      } as const;
      throw failure('kubectl get failed with exit code 1', fields);
    }
    for (const [one, manifest] of out) {
      asked.delete(one);
      unserved.push(manifest);
    }
  }
  return { objects: [], unserved };
}

function unservedKinds(refusal: string): Set<string> {
  const found = refusal.matchAll(/no matches for kind "([^"]+)" in version "([^"]+)"/g);
  return new Set([...found].map(([, kind = '', version = '']) => `${version} ${kind}`));
}
