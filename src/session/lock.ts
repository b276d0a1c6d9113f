import type { HeldLock } from '../engine/lock.ts';
import { flockLock, type LockOptions } from '../host/lock.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { operator } from '../host/system.ts';
import { ownBinary } from './resume-command.ts';
import type { Machine } from './machine.ts';
import type { OpenedPayload } from './opened-payload.ts';
import { orphanedHelm, type OrphanWatch } from './orphaned-helm.ts';

type LockedBy = OrphanWatch &
  Pick<OpenedPayload, 'payload' | 'release'> & { machine: Machine; program: string };

/**
 * One run at a time. Throws `locked` while another run is active, `preflight` when others than root can
 * change the lock's folder; a Helm that outlived its run is waited for. `command` is what was typed after the
 * program's name.
 */
export async function takeLock(
  session: LockedBy,
  command: string,
  options: Pick<LockOptions, 'leaveText'> = {},
): Promise<HeldLock> {
  const { paths, release, machine, program } = session;
  // Root reads, writes and runs the files below: only root may be able to put something there.
  await assertSafePath(paths.installer);
  const orphan = orphanedHelm(session);
  const lock = await flockLock({
    path: paths.lock,
    runner: machine.createRunner(),
    command,
    again: session.again({ program: await ownBinary(session), anywhere: true }),
    version: release.version,
    by: operator().user,
    hint: `${program} status --watch`,
    whileOrphaned: orphan.wait,
    ...options,
  }).acquire();
  orphan.ended();
  return lock;
}
