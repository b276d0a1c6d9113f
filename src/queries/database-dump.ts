import { lstatSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Emit } from '../engine/events.ts';
import { dumpInto, notDumped, roomForDump } from '../backup/dump-files.ts';
import { IvaapError } from '../errors.ts';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { assertOutlivesK3s } from '../host/k3s-own-folders.ts';
import { roomAt, whyNoFiles } from '../host/mounts.ts';
import { type Found, foundAt } from '../host/rename-over.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import type { DumpSummary } from '../host/dump-scan.ts';
import { readRegularText } from '../host/regular-file.ts';
import { operator } from '../host/system.ts';
import { type Known, known } from '../known.ts';
import { absolutePath } from '../payload/absolute-path.ts';
import { compactTime } from '../policy/compact-time.ts';
import { assertCluster } from '../session/host-tools.ts';
import { readOwnState } from '../session/own-state.ts';
import type { CommandPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { unlessStopped } from '../session/stoppable.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { byteTask } from './byte-task.ts';
import type { DumpNote } from './dump-schema.ts';
import { notePath } from './given-dump.ts';
import { assertSafeTarget } from './product-folder.ts';

/**
 * `ivaap_pgdump`: the dump that an upgrade takes, at any time and in any place. FILE and FILE.json appear
 * complete; nothing that exists is replaced. Changes nothing else.
 */
export async function dumpDatabase(
  { file }: { file: string | undefined },
  ports: CommandPorts,
): Promise<DumpNote> {
  await using session = await Session.open(ports, { dryRun: false, preflightOnly: true });
  try {
    return await unlessStopped(session.signal, () => dump(session, file, ports.emit));
  } catch (error) {
    throw session.redactor.error(error);
  }
}

async function dump(session: Session, file: string | undefined, emit: Emit): Promise<DumpNote> {
  const { product, signal, again } = session;
  const takenAt = new Date();
  const path = absolutePath(file ?? defaultName(product.database.name, takenAt));
  const hint = 'name a file on another disk: /FOLDER/NAME.sql';
  assertOutlivesK3s(path, { hint });
  const foundNote = await assertNew(path, again);
  await assertSafeTarget(path, product.folder);
  const never = whyNoFiles(await roomAt(dirname(path)));
  if (never !== undefined) {
    throw new IvaapError('preflight', `${path} cannot be written: ${never}`, { hint });
  }
  const { kubectl, database } = await session.tools();
  await assertCluster(kubectl, product);
  const serverVersion = await database.serverVersion(signal);
  const schemaVersion = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  const others = await known(otherDatabases(database, signal));
  const start = await roomForDump({ product, database }, dirname(path), signal);
  const about = { serverVersion, schemaVersion, takenAt: takenAt.toISOString(), ...(await release(session)) };
  const total = start.estimate.known ? start.estimate.value : 0;
  const task = byteTask(emit, { task: 'dump', title: `dumping into ${path}`, total });
  const io = {
    signal,
    warn: session.reporter.warn,
    progress: ({ done }: { done: number }) => task.progress(done),
  };
  let note: DumpNote | undefined;
  try {
    await task.during(() =>
      dumpInto({ product, database }, io, path, start, {
        fresh: true,
        // The note first: a dump under its name always has one.
        beforeName: async (summary) => {
          const own = noteOf(session, path, summary, others, about);
          await writeNote(notePath(path), own, foundNote);
          note = own;
        },
      }),
    );
  } catch (error) {
    if (note !== undefined) await rm(notePath(path), { force: true });
    throw error;
  }
  if (note === undefined) throw new IvaapError('bug', `${path} was written without a note`);
  if (others.known && others.value.length > 0) session.reporter.warn(notDumped(others.value));
  return note;
}

/** `ivaapdb-20261127T200000Z.sql` in the current folder. */
const defaultName = (database: string, now: Date): string => `${database}-${compactTime(now)}.sql`;

/**
 * Throws `usage` where anything has the name of the dump, or of its note, or the folder is missing. Returns
 * what a run that died has left under the name of the note: only that is replaced, never the note of another
 * run.
 */
async function assertNew(path: string, again: Session['again']): Promise<Found | null> {
  const exists = (at: string) => lstatSync(at, { throwIfNoEntry: false });
  const usage = (message: string, hint: string) => new IvaapError('usage', message, { hint });
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw usage(`${path} is a folder`, `name a new file in it: ${join(path, 'NAME.sql')}`);
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw usage(
      `${dirname(path)} is not a folder`,
      `${asRoot(`mkdir -p ${shellWord(dirname(path))}`)}; ${again()}`,
    );
  const newName = 'nothing is overwritten: name a new file, or none at all';
  if (exists(path) !== undefined) throw usage(`${path} already exists`, newName);
  const note = notePath(path);
  // Left by a run that died between the two names: it tells of a dump that never was.
  const found = await foundAt(note);
  if (found !== null && !(await isNoteOf(note, path))) throw usage(`${note} already exists`, newName);
  return found;
}

async function isNoteOf(note: string, path: string): Promise<boolean> {
  try {
    const { dumpNoteSchema } = await import('./dump-schema.ts');
    return dumpNoteSchema.parse(JSON.parse(await readRegularText(note))).file === path;
  } catch {
    return false;
  }
}

const writeNote = (path: string, note: DumpNote, found: Found | null): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(note, null, 2)}\n`, { mode: 0o600, found });

/** What is installed, as far as the state says; a dump is taken without it, too. */
async function release(session: Session): Promise<Pick<DumpNote, 'version' | 'unfinishedRun'>> {
  const state = await known(readOwnState(session, session.program));
  if (!state.known) {
    session.reporter.warn(`${state.why}: the note of the dump does not say which release is installed`);
    return { version: null, unfinishedRun: null };
  }
  const { installed, run } = state.value ?? {};
  const unfinished = run !== undefined && run.status !== 'completed';
  return {
    version: installed?.version ?? null,
    unfinishedRun: unfinished ? { flow: run.flow, from: run.from, to: run.to } : null,
  };
}

function noteOf(
  { product, release: own }: Session,
  path: string,
  { sizeBytes, sha256, tables, totalRows }: DumpSummary,
  others: Known<string[]>,
  about: Pick<DumpNote, 'serverVersion' | 'schemaVersion' | 'takenAt' | 'version' | 'unfinishedRun'>,
): DumpNote {
  return {
    product: product.name,
    ...about,
    database: product.database.name,
    file: path,
    sizeBytes,
    sha256,
    rows: totalRows,
    tables: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])),
    otherDatabases: others.known ? others.value : null,
    endedAt: new Date().toISOString(),
    by: operator().user,
    program: `${product.command} ${own.version}`,
  };
}
