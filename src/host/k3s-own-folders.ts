import { liesIn } from './mounts.ts';

/** What `k3s-uninstall.sh` deletes, whatever else lies in it. */
const folders = ['/var/lib/rancher/k3s', '/etc/rancher/k3s', '/run/k3s', '/var/lib/kubelet'];

/** `lies in FOLDER, …`: why nothing is kept at a path that goes with k3s; undefined for any other path. */
export function whyGoesWithK3s(path: string): string | undefined {
  const folder = folders.find((one) => liesIn(path, one));
  return folder === undefined ? undefined : `lies in ${folder}, which k3s-uninstall.sh deletes with k3s`;
}
