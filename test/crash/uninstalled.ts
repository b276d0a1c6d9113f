import type { TestHost } from '../e2e/host.ts';
import { lastFolder } from './kill.ts';
import type { Outcome } from './outcome.ts';

/**
 * What an uninstall leaves: nothing of the product, and the folder with what is kept. Times are written TIME.
 */

const withoutTimes = (text: string) => text.replaceAll(/\d{8}T\d{6}Z(-\d+)?/g, 'TIME');

/** Contents with times in them: the state, logs, records, scripts; a dump names a random word. */
const script = `
for folder in /opt/ivaap /usr/local/lib/ivaap-activated; do
  if [ -e $folder ]; then find $folder -printf 'file %p %y %m %U:%G\\n'; else echo "file $folder: absent"; fi
done
ls -d /opt/* | sed 's/^/folder /'
cd ${lastFolder}
find . ! -path './logs/*' -printf 'kept %P %y %m %U:%G\\n'
find . -name ivaapdb.sql -exec sh -c 'grep -v "^.[un]*restrict " "$1" | sha256sum | sed "s/^/dump /"' sh {} \\;
find . -name '*.values.yaml' -exec sha256sum {} \\;
findmnt -rno TARGET | grep -v '^/proc\\|^/sys\\|^/run\\|^/var/lib/kubelet\\|^/dev' | sort | sed 's/^/mount /'
`;

interface Objects {
  items: { kind: string; metadata: { name: string; namespace?: string } }[];
}

async function objects(host: TestHost): Promise<string[]> {
  const kinds =
    'namespaces,pods,persistentvolumes,persistentvolumeclaims,secrets,configmaps,services,ingresses';
  const { code, stdout, stderr } = await host.kubectl('get', kinds, '-A', '-o', 'json');
  if (code !== 0) throw new Error(`kubectl get: ${stderr}`);
  return (JSON.parse(stdout) as Objects).items
    .filter(({ metadata }) => metadata.namespace !== 'kube-system')
    .map(({ kind, metadata }) => `object ${kind} ${metadata.namespace ?? '-'}/${metadata.name}`);
}

async function images(host: TestHost): Promise<string[]> {
  const { code, stdout, stderr } = await host.k3s('ctr', 'images', 'list');
  if (code !== 0) throw new Error(`images: ${stderr}`);
  const lines = stdout.trim().split('\n').slice(1);
  return lines.map((line) => `image ${line.replaceAll(/\s+/g, ' ')}`);
}

/** Throws when the host does not say. */
export async function uninstalled(host: TestHost): Promise<Outcome> {
  const [{ stdout }, cluster, names] = await Promise.all([host.shell(script), objects(host), images(host)]);
  const files = withoutTimes(stdout).trim().split('\n');
  return [...new Set([...files, ...cluster, ...names])].sort();
}
