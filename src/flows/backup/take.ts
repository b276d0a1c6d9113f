import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PgDump } from '../../backup/dump-record.ts';
import { freeFolder, takeRecordedBackup } from '../../backup/recorded-backup.ts';
import { removeUnfinished } from '../../backup/unfinished-backups.ts';
import { IvaapError } from '../../errors.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import { assertOutlivesK3s } from '../../host/k3s-own-folders.ts';
import { isReadOnly, roomAt, whyNoFiles } from '../../host/mounts.ts';
import type { Compression } from '../../host/packed-file.ts';
import { operator } from '../../host/system.ts';
import { absolutePath } from '../../payload/absolute-path.ts';
import { assertBackupName, knownBackups } from '../../queries/backup-list.ts';
import type { BackupEntry } from '../../queries/backup-schema.ts';
import { byteTask } from '../../queries/byte-task.ts';
import type { CommandPorts } from '../../session/ports.ts';
import type { Session } from '../../session/session.ts';
import { asRoot, shellWord } from '../../shell-word.ts';
import { type Locked, startedTools, underLock } from './opened.ts';

export interface TakeOptions {
  /** Folder in which the backup's own folder is made; default: the installer's. */
  output: string | undefined;
  /** Of that folder; default: the time. */
  name: string | undefined;
  /** Default: the dump is plain text. */
  compress: Compression | undefined;
}

/** `backup`: the dump that an upgrade takes, at any time, recorded as a backup. */
export async function takeBackup(options: TakeOptions, ports: CommandPorts): Promise<BackupEntry> {
  const list = `${ports.program} backup list`;
  if (options.name !== undefined) assertBackupName(options.name, list);
  return underLock('backup', ports, 'back up', async (locked) => {
    const clear = () =>
      removeUnfinished(locked.session.product, locked.journal, locked.session.reporter.warn);
    await clear();
    const folder = await newFolder(locked.session, options, list);
    const dump = await take(locked, { folder, compress: options.compress }, ports).catch(
      async (error: unknown) => {
        // What failed is the news: the next backup removes what cannot be removed now.
        await clear().catch(() => {});
        throw error;
      },
    );
    const { session, journal } = locked;
    const found = (await knownBackups(session, journal.state)).find((one) => one.dump.path === dump.path);
    if (found === undefined) throw new IvaapError('bug', `${dump.path} was not recorded`);
    return found.entry;
  });
}

/** Where the backup goes: nothing has that name, and only root can change what leads there. */
async function newFolder(session: Session, { output, name }: TakeOptions, list: string): Promise<string> {
  const into = output === undefined ? session.paths.backups : await givenFolder(output, session);
  if (name !== undefined) {
    const folder = join(into, name);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return folder;
    const hint = `nothing is overwritten: give another name, or none at all (${list})`;
    throw new IvaapError('usage', `${folder} already exists`, { hint });
  }
  return freeFolder(into, new Date());
}

async function givenFolder(output: string, { again }: Session): Promise<string> {
  const path = absolutePath(output);
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info?.isDirectory() !== true) {
    const is =
      info === undefined ? 'does not exist' : info.isSymbolicLink() ? 'is a link' : 'is not a folder';
    const hint =
      info === undefined
        ? `${asRoot(`mkdir -m 700 ${shellWord(path)}`)}; ${again()}`
        : 'name a folder of its own';
    throw new IvaapError('usage', `${path} ${is}`, { hint });
  }
  if (isReadOnly(path)) {
    const hint = `findmnt -T ${shellWord(path)}`;
    throw new IvaapError('preflight', `${path} is on a file system that is mounted read-only`, { hint });
  }
  const hint = 'name a folder on another disk: --output FOLDER';
  assertOutlivesK3s(path, { hint });
  const never = whyNoFiles(await roomAt(path));
  if (never !== undefined) {
    throw new IvaapError('preflight', `nothing can be kept in ${path}: ${never}`, { hint });
  }
  return assertSafePath(path, { isChosen: true });
}

async function take(
  { session, journal, version }: Locked,
  { folder, compress }: Pick<TakeOptions, 'compress'> & { folder: string },
  ports: CommandPorts,
): Promise<PgDump> {
  const { product, signal, reporter } = session;
  using tools = await startedTools(session);
  const { kubectl, database, k3s } = tools;
  const task = byteTask(ports.emit, { task: 'dump', title: `dumping into ${folder}`, total: 0 });
  const io = {
    signal,
    log: () => {},
    // There is no report of a run that it could be a fact of.
    tell: () => {},
    warn: reporter.warn,
    progress: ({ done }: { done: number }) => task.progress(done),
    checkpoint: () => Promise.resolve(),
  };
  const into = dirname(folder);
  const ctx = {
    product,
    database,
    kubectl,
    k3s: k3s.path,
    from: version,
    installedBy: journal.state.installed?.binary,
    operator: operator().user,
    now: () => new Date(),
    paths: { backups: into, given: into !== session.paths.backups },
    compress,
  };
  return task.during(() => takeRecordedBackup(ctx, io, { folder, journal }));
}
