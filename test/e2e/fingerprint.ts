import type { TestHost } from './host.ts';

/**
 * What must be the same before and after a run that was refused: line by line, so that a difference reads as
 * what changed. Run logs and the lock's text are left out: saying no may be written down.
 */
export type Fingerprint = readonly string[];

const filesScript = (folder: string, left: readonly string[]) => `
cd ${folder} 2>/dev/null || { echo "file ${folder}: absent"; exit 0; }
find . ${left.map((path) => `-path './${path}' -prune -o`).join(' ')} -printf 'file %p %y %m %U:%G %l\\n' | sort
find . ${left.map((path) => `-path './${path}' -prune -o`).join(' ')} -type f -print0 | sort -z | xargs -0r sha256sum | sed 's/^/content /'
`;

interface KubernetesObject {
  kind: string;
  metadata: { name: string; uid: string; namespace?: string; generation?: number; labels?: object };
  spec?: unknown;
  data?: unknown;
}

const kinds =
  'namespaces,persistentvolumes,persistentvolumeclaims,deployments,statefulsets,services,' +
  'ingresses,configmaps,secrets,serviceaccounts,jobs';

/** Pods by their spec: nothing that is shown restarts any. */
const moreKinds = 'pods,replicasets,daemonsets,cronjobs,roles,rolebindings,networkpolicies';

async function objects(host: TestHost, of: string): Promise<string[]> {
  const { code, stdout } = await host.kubectl('get', of, '-A', '-o', 'json');
  if (code !== 0) return ['object: the cluster does not answer'];
  const { items } = JSON.parse(stdout) as { items: KubernetesObject[] };
  return items
    .filter(({ metadata }) => !['kube-system', 'default'].includes(metadata.namespace ?? ''))
    .map(({ kind, metadata, spec, data }) => {
      const { namespace = '-', name, uid, generation = 0, labels } = metadata;
      // Helm's own records are found by name and content.
      const identity = kind === 'Secret' ? '' : ` ${uid}`;
      return (
        `object ${kind} ${namespace}/${name}${identity} generation ` +
        `${generation} ${JSON.stringify({ labels, spec, data })}`
      );
    })
    .sort();
}

async function images(host: TestHost): Promise<string[]> {
  const { code, stdout } = await host.k3s('ctr', 'images', 'list');
  if (code !== 0) return ['image: containerd does not answer'];
  return stdout
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => `image ${line.replaceAll(/\s+/g, ' ')}`)
    .sort();
}

/**
 * `strict` leaves nothing out but the tools and the logs, the lock's text and the scan's receipt included;
 * the database's own files change all the time.
 */
export async function fingerprint(host: TestHost, { strict = false } = {}): Promise<Fingerprint> {
  const bookkeeping = ['.installer/lock', '.installer/scan-receipt.json'];
  const left = ['postgres', '.filler', '.installer/logs', ...(strict ? ['.installer/tools'] : bookkeeping)];
  const [files, cluster, loaded, wells] = await Promise.all([
    host.shell(filesScript('/opt/ivaap', left)),
    objects(host, strict ? `${kinds},${moreKinds}` : kinds),
    images(host),
    host.wells.checksum().catch(() => 'not answered'),
  ]);
  return [...files.stdout.trim().split('\n'), ...cluster, ...loaded, `wells ${wells}`];
}

/**
 * What differs, as lines with `-` (was) and `+` (is); empty when nothing does. Long lines are cut where they
 * are equal.
 */
export function differences(before: Fingerprint, after: Fingerprint): string {
  const was = new Set(before);
  const is = new Set(after);
  const lines = [
    ...before.filter((line) => !is.has(line)).map((line) => `- ${line.slice(0, 400)}`),
    ...after.filter((line) => !was.has(line)).map((line) => `+ ${line.slice(0, 400)}`),
  ];
  return lines.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1)).join('\n');
}
