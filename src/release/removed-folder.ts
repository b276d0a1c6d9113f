import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { processesIn } from '../host/processes.ts';
import { asRoot, sudo } from '../shell-word.ts';
import type { UninstallFindings } from './uninstall-context.ts';

/** A folder whose volume is others' stays with it; so does what a link leads to that we have not made. */
export const removedFolder = ({
  storagePath,
  heldByOthers,
  data,
}: Pick<UninstallFindings, 'storagePath' | 'heldByOthers' | 'data'>): string | undefined =>
  heldByOthers || data.target !== undefined ? undefined : storagePath;

/** Throws `code` while a process works in a folder that is to be removed. */
export function refuseWorking(code: 'preflight' | 'failed', folder: string, again: string): void {
  const [user] = processesIn(folder);
  if (user === undefined) return;
  throw new IvaapError(
    code,
    `the process ${user.pid} (${foreign(user.argv[0] ?? '')}) still works in ${folder}: its data are not ` +
      'removed',
    {
      hint:
        'this stops every pod of this host, those of others too: ' +
        `${sudo.systemctl} stop k3s; ${asRoot('k3s-killall.sh')}; then: ${again}`,
    },
  );
}
