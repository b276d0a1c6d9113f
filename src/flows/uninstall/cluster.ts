import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { dumpOfRollback, mayHaveGrown } from '../../release/last-dump.ts';
import { leftOut } from '../../release/uninstall-findings.ts';
import type { UninstallCluster } from '../../release/uninstall-context.ts';
import { agreedBefore, isRemoving } from '../../release/uninstall-record.ts';
import { assertCluster } from '../../session/host-tools.ts';
import type { Session } from '../../session/session.ts';
import { sudo } from '../../shell-word.ts';
import type { UninstallOptions } from './options.ts';

/** Throws 'preflight' where it does not answer, with the way on and the way without it. */
export async function clusterOf(
  session: Session,
  options: UninstallOptions,
  state: State,
): Promise<UninstallCluster> {
  try {
    const tools = await session.tools();
    await assertCluster(tools.kubectl, session.product);
    const { kubectl, database, containerd } = tools;
    return { k3s: tools.k3s.path, kubectl, database, containerd, helm: await session.helm() };
  } catch (error) {
    if (!(error instanceof IvaapError) || error.code !== 'preflight') throw error;
    const mended = error.hint ?? `${sudo.systemctl} status k3s`;
    throw error.with({ hint: `${mended}\nThen: ${session.again()}\n${wayWithout(session, options, state)}` });
  }
}

/** The command that removes what lies on this host's disks, and what becomes of the data with it. */
function wayWithout({ again }: Pick<Session, 'again'>, { keepData }: UninstallOptions, state: State): string {
  if (isRemoving(state)) {
    if (mayHaveGrown({ run: state.run, agreedAt: agreedBefore(state) }, leftOut)) {
      const add = ['--without-cluster', '--skip-backup'];
      return (
        "To remove the rest on this host's disks all the same, without rows that came after the last dump: " +
        again({ add })
      );
    }
    // The dump is taken, and the record of kept data is written: nothing more is lost without the cluster.
    return `To remove the rest on this host's disks all the same: ${again({ add: ['--without-cluster'] })}`;
  }
  // The record of kept data needs the Secrets, so that without the cluster no data are kept.
  const without = keepData ? ['--keep-data'] : [];
  const data = keepData ? 'its data among it, ' : '';
  const isDumped = dumpOfRollback(state, leftOut) !== undefined;
  const add = ['--without-cluster', ...(isDumped ? [] : ['--skip-backup'])];
  const dump = isDumped ? 'with the dump of the unfinished rollback kept' : 'without a dump';
  return `To remove what lies on this host's disks all the same, ${data}${dump}: ${again({ add, without })}`;
}
