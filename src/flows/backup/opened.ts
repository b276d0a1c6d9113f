import { releaseOfData } from '../../backup/rollback-dump.ts';
import type { Journal } from '../../engine/journal.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import type { Verb } from '../../queries/without-state.ts';
import { assertCluster } from '../../session/host-tools.ts';
import type { HostTools } from '../../session/host-tools.ts';
import { stateIsThere } from '../../session/own-state.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { Session } from '../../session/session.ts';
import { unlessStopped } from '../../session/stoppable.ts';
import { refuseWithoutState } from '../without-state.ts';

/** What the actions of `backup` that write have: the lock, and the state as it is under it. */
export interface Locked {
  session: Session;
  journal: Journal;
  /** Of the release that the data belong to; null: not known. */
  version: string | null;
}

/**
 * Opens the session, takes the lock and reads the state. Refuses a host without a state, or with
 * one that knows of no installation, whole or unfinished: nothing could keep a backup then.
 */
export async function underLock<T>(
  command: string,
  ports: CommandPorts,
  verb: Verb,
  work: (locked: Locked) => Promise<T>,
): Promise<T> {
  await using session = await Session.open(ports, { dryRun: false });
  try {
    return await unlessStopped(session.signal, async () => {
      if (!stateIsThere(session.paths)) return refuseWithoutState(session, verb);
      await session.takeLock(command, { leaveText: true });
      const journal = await session.readJournal();
      if (!isOurs(journal.state)) throw notInstalled(session, verb);
      const { installed, suspended, run } = journal.state;
      const version = installed?.version ?? releaseOfData(suspended ?? run);
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

const isOurs = ({ installed, run, suspended }: State): boolean =>
  (installed ?? suspended ?? run) !== undefined;

const notInstalled = ({ product, program }: Session, verb: Verb): IvaapError =>
  new IvaapError(
    'nothing_to_do',
    `${product.title} is not installed on this host: there is nothing to ${verb}`,
    {
      hint: `${program} status`,
    },
  );
