import { existsSync } from 'node:fs';
import type { Journal } from '../../engine/journal.ts';
import { IvaapError } from '../../errors.ts';
import { assertCluster } from '../../session/host-tools.ts';
import type { HostTools } from '../../session/host-tools.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { Session } from '../../session/session.ts';
import { unlessStopped } from '../../session/stoppable.ts';

/** What the actions of `backup` that write have: the lock, and the state as it is under it. */
export interface Locked {
  session: Session;
  journal: Journal;
  /** Of the release that is installed. */
  version: string;
}

/**
 * Opens the session, takes the lock and reads the state. Throws 'preflight' where nothing is installed:
 * there is no state that could keep a backup then.
 */
export async function underLock<T>(
  command: string,
  ports: CommandPorts,
  /** What there is none of, where nothing is installed: `there is nothing to back up`. */
  none: string,
  work: (locked: Locked) => Promise<T>,
): Promise<T> {
  await using session = await Session.open(ports, { dryRun: false });
  try {
    return await unlessStopped(session.signal, async () => {
      if (!existsSync(session.paths.state)) throw notInstalled(session, none);
      await session.takeLock(command, { leaveText: true });
      const journal = await session.readJournal();
      const version = journal.state.installed?.version;
      if (version === undefined) throw notInstalled(session, none);
      return work({ session, journal, version });
    });
  } catch (error) {
    throw session.redactor.error(error);
  }
}

/**
 * The host's programs, with a cluster that answers. From here on a stop ends the work and not what cleans up
 * after it, and a restart of k3s is waited for.
 */
export async function startedTools(session: Session): Promise<HostTools & { [Symbol.dispose](): void }> {
  const tools = await session.tools();
  await assertCluster(tools.kubectl, session.product);
  const end = tools.outageRetry.start({ signal: session.signal, say: session.reporter.warn });
  return { ...tools, [Symbol.dispose]: end };
}

const notInstalled = ({ product, program }: Session, none: string): IvaapError =>
  new IvaapError('preflight', `${product.title} is not installed by this program: ${none}`, {
    hint: `${program} status`,
  });
