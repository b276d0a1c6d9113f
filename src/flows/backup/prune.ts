import { prunable } from '../../policy/prune-backups.ts';
import { counted } from '../../policy/counted.ts';
import { IvaapError } from '../../errors.ts';
import { readBackupRecord } from '../../backup/backup-record.ts';
import { removeOwnFiles } from '../../backup/unfinished-backups.ts';
import { forgetVerification } from '../../backup/verified-dump.ts';
import { type KnownBackup, knownBackups } from '../../queries/backup-list.ts';
import type { Pruned } from '../../queries/backup-schema.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { confirmed } from '../question.ts';
import { type Locked, underLock } from './opened.ts';

export interface PruneOptions {
  dryRun: boolean;
  yes: boolean;
}

/** `backup prune`: removes backups that were taken by hand and that the product's data lets go. */
export async function pruneBackups(options: PruneOptions, ports: CommandPorts): Promise<Pruned> {
  if (!options.yes && !options.dryRun && ports.confirm === undefined) {
    throw new IvaapError('usage', 'backup prune asks before it removes, but there is no terminal', {
      hint: ports.again({ add: ['--dry-run'] }),
    });
  }
  return underLock('backup prune', ports, 'prune', async (locked) => {
    const remove = await chosen(locked, ports);
    const folders = remove.map(({ dump }) => dump.folder);
    if (options.dryRun) return { removed: folders, left: [], dryRun: true };
    if (!options.yes) {
      const { report } = locked.session;
      for (const line of folders) report({ type: 'message', level: 'info', line });
      const text = `Remove ${counted(folders.length, 'backup')}: ${folders.join(', ')}?`;
      await confirmed(locked.session, { text, hint: locked.session.again({ add: ['--dry-run'] }) });
    }
    return removeAll(locked, folders);
  });
}

async function chosen({ session, journal }: Locked, { program }: CommandPorts): Promise<KnownBackup[]> {
  const { product } = session;
  const all = await knownBackups(session, journal.state);
  const judged = await Promise.all(
    all.map(async (one) => {
      const { kind, anchor, whole, verified, takenAt } = one.entry;
      const ours = kind === 'backup' && (await readBackupRecord(one.dump.folder, product.name)) !== undefined;
      return { one, takenAt, ours, anchor: anchor !== null, whole, verified: verified !== null };
    }),
  );
  const { remove, unverified } = prunable(judged, product.backup, new Date());
  if (unverified !== undefined) {
    const { entry } = unverified.one;
    throw new IvaapError(
      'preflight',
      `the newest backup, ${entry.name}, was not verified: nothing is removed`,
      {
        hint: `${program} backup verify ${entry.name}`,
      },
    );
  }
  if (remove.length > 0) return remove.map(({ one }) => one);
  const { keepCount, keepDays } = product.backup;
  throw new IvaapError(
    'nothing_to_do',
    `no backup to remove: the newest ${keepCount} stay, and those that are younger than ` +
      `${counted(keepDays, 'day')}; anchors and dumps of runs stay always`,
    { hint: `${program} backup list` },
  );
}

async function removeAll({ session, journal }: Locked, folders: readonly string[]): Promise<Pruned> {
  const removed: string[] = [];
  const left: string[] = [];
  for (const folder of folders) {
    session.signal.throwIfAborted();
    const gone = await removeOwnFiles(folder, session.product);
    (gone ? removed : left).push(folder);
    // After the files: a run that is killed in between finds them again by the record.
    await journal.update((draft) => {
      const forgotten = (draft.backups ?? []).filter((one) => one.folder === folder);
      draft.backups = (draft.backups ?? []).filter((one) => one.folder !== folder);
      const paths = forgotten.map(({ pgDump }) => pgDump?.['path']);
      forgetVerification(draft, paths);
    });
  }
  return { removed, left, dryRun: false };
}
