import { IvaapError } from '../errors.ts';
import { liesIn } from './mounts.ts';

/** What `k3s-uninstall.sh` deletes, whatever else lies in it. */
const folders = ['/var/lib/rancher/k3s', '/etc/rancher/k3s', '/run/k3s', '/var/lib/kubelet'];

/** Throws `usage` for a path that goes with k3s: nothing is kept there. `what` names it in the message. */
export function assertOutlivesK3s(
  path: string,
  { what = path, hint }: { what?: string; hint: string },
): void {
  const folder = folders.find((one) => liesIn(path, one));
  if (folder === undefined) return;
  const why = `lies in ${folder}, which k3s-uninstall.sh deletes with k3s`;
  throw new IvaapError('usage', `${what} ${why}`, { hint });
}
