import { forgetVerification, recordVerified, verifyDump } from '../../backup/verified-dump.ts';
import { IvaapError } from '../../errors.ts';
import { assertBackupName, knownBackups, namedBackup } from '../../queries/backup-list.ts';
import type { BackupEntry } from '../../queries/backup-schema.ts';
import { byteTask } from '../../queries/byte-task.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { shellWord } from '../../shell-word.ts';
import { startedTools, underLock } from './opened.ts';

/** `backup verify NAME`: restores it beside the live database, compares all rows, and records that. */
export async function verifyBackup(name: string, ports: CommandPorts): Promise<BackupEntry> {
  const list = `${ports.program} backup list`;
  assertBackupName(name, list);
  return underLock('backup verify', ports, 'verify', async ({ session, journal }) => {
    const { dump, entry } = namedBackup(await knownBackups(session, journal.state), name, list);
    if (!entry.whole) {
      throw new IvaapError('failed', `${dump.path} is missing, or has not its recorded size`, {
        hint: `ls -l ${shellWord(dump.folder)}`,
      });
    }
    using tools = await startedTools(session);
    const { database, kubectl } = tools;
    const { product, signal } = session;
    const title = `restoring ${dump.path} into a database of its own`;
    const task = byteTask(ports.emit, { task: 'verify', title, total: dump.sizeBytes });
    const ctx = { database, kubectl, product, now: () => new Date() };
    const verified = await task
      .during(() => verifyDump(ctx, dump, { signal, onBytes: task.progress }))
      .catch(async (error: unknown) => {
        const { code, message } = session.redactor.error(error);
        // A stop says nothing of the dump.
        if (code !== 'interrupted' && code !== 'terminated') {
          await journal.update((draft) => {
            forgetVerification(draft, [dump.path]);
            draft.unverified = {
              ...draft.unverified,
              [dump.path]: { at: ctx.now().toISOString(), why: message },
            };
          });
        }
        throw error;
      });
    await journal.update((draft) => recordVerified(draft, dump.path, verified));
    const { entry: now } = namedBackup(await knownBackups(session, journal.state), name, list);
    return now;
  });
}
