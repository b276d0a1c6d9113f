import type { HeldLock } from '../engine/lock.ts';
import { flockLock, type LockOptions } from '../host/lock.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { operator } from '../host/system.ts';
import type { OpenedPayload } from './opened-payload.ts';
import { orphanedHelm } from './orphaned-helm.ts';
import type { FlowPorts } from './ports.ts';

/**
 * One run at a time. Throws `locked` while another one goes on, `preflight` when others than root can change the lock's folder; a Helm that
 * outlived its run is waited for.
 * `words` are what was typed after the program's name.
 */
export async function takeLock(
  { paths, product, release }: OpenedPayload,
  words: string,
  ports: FlowPorts,
  options: Pick<LockOptions, 'leaveText'> = {},
): Promise<HeldLock> {
  // Root writes, runs and reads what lies below: nobody else may be able to put something there.
  await assertSafePath(paths.installer);
  const orphan = orphanedHelm({ paths, product }, ports);
  const lock = await flockLock({
    path: paths.lock,
    runner: ports.machine.createRunner(),
    command: words,
    version: release.version,
    by: operator().user,
    hint: `${ports.program} status --watch`,
    whileOrphaned: orphan.wait,
    ...options,
  }).acquire();
  orphan.ended();
  return lock;
}
