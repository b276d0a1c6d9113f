import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { mayHaveGrown } from '../../release/last-dump.ts';
import type { UninstallFindings } from '../../release/uninstall-context.ts';
import { agreedBefore } from '../../release/uninstall-record.ts';
import type { Session } from '../../session/session.ts';
import type { UninstallOptions } from './options.ts';

/**
 * Throws `preflight` where an uninstall has begun to remove, the database may have got rows since its dump,
 * and cannot be dumped again.
 */
export function refuseOldDump(
  { again, program }: Pick<Session, 'again' | 'program'>,
  { skipBackup }: UninstallOptions,
  { state, found: { database, isStopped } }: { state: State; found: UninstallFindings },
): void {
  if (skipBackup || database.known) return;
  if (!mayHaveGrown({ run: state.run, agreedAt: agreedBefore(state) }, isStopped)) return;
  const withCluster = `start the cluster, then: ${again({ without: ['--without-cluster'] })}`;
  const isLeftOut = !isStopped.known && database.hint === undefined;
  throw new IvaapError(
    'preflight',
    `rows may have come since the last dump, and no other dump can be taken: ${database.why}`,
    {
      hint:
        `${isLeftOut ? withCluster : `${database.hint ?? `${program} status`}\nThen: ${again()}`}\n` +
        `To remove the data without those rows: ${again({ add: ['--skip-backup'] })}`,
    },
  );
}
