import { basename, dirname } from 'node:path';
import { type BackupRecord, readBackupRecord } from '../backup/backup-record.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { isThere } from '../backup/kept-dump.ts';
import { lastResult } from '../backup/step-results.ts';
import { dumpResult } from '../backup/upgrade-results.ts';
import { verificationOf } from '../backup/verified-dump.ts';
import { restoresIn } from '../engine/restores.ts';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';
import { openOwnPayload } from '../session/opened-payload.ts';
import { readOwnState } from '../session/own-state.ts';
import { type CommandPorts, onThisMachine } from '../session/ports.ts';
import type { BackupEntry, BackupList } from './backup-schema.ts';
import { listBackups } from './backups.ts';

/** A dump that is recorded, and what is known of it. */
export interface KnownBackup {
  entry: BackupEntry;
  dump: PgDump;
}

type Found = Pick<BackupEntry, 'kind' | 'takenBy' | 'by' | 'release' | 'anchor'> & { dump: PgDump };

type Place = Pick<OpenedPayload, 'paths' | 'product'>;

/** `backup list`: reads the state and the folders of the backups; asks neither cluster nor database. */
export async function queryBackups(ports: CommandPorts): Promise<BackupList> {
  const { machine, program } = onThisMachine(ports);
  const opened = await openOwnPayload(machine);
  try {
    const state = await readOwnState(opened, program);
    const found = await knownBackups(opened, state);
    const folders = await listBackups(opened.paths.backups);
    const recorded = new Set(found.map(({ dump }) => dump.folder));
    return {
      backups: found.map(({ entry }) => entry),
      unknown: folders.map(({ folder }) => folder).filter((folder) => !recorded.has(folder)),
    };
  } finally {
    await opened.payload.close();
  }
}

/** Every dump that the state or the record in its folder tells of, oldest first. */
export async function knownBackups(
  { paths, product }: Place,
  state: State | undefined,
): Promise<KnownBackup[]> {
  const found = state === undefined ? [] : recordedIn(state);
  const byPath = new Map<string, Found>();
  // What is told first counts: of one dump that is an anchor and by hand, it is that it is an anchor.
  for (const one of found) if (!byPath.has(one.dump.path)) byPath.set(one.dump.path, one);
  for (const { folder } of await listBackups(paths.backups)) {
    const record = await readBackupRecord(folder, product.name);
    if (record === undefined || byPath.has(record.pgDump.path)) continue;
    byPath.set(record.pgDump.path, { ...ofRecord(record), dump: record.pgDump });
  }
  return [...byPath.values()]
    .map(({ dump, ...rest }) => ({ dump, entry: entryOf(dump, rest, state) }))
    .toSorted((a, b) => (a.dump.takenAt < b.dump.takenAt ? -1 : 1));
}

function recordedIn(state: State): Found[] {
  const found: Found[] = [];
  const add = (dump: unknown, rest: Omit<Found, 'dump'>) => {
    const { data } = pgDumpSchema.safeParse(dump);
    if (data !== undefined) found.push({ dump: data, ...rest });
  };
  for (const [version, { derived, earlier = [] }] of Object.entries(state.anchors)) {
    for (const one of [{ derived }, ...earlier]) {
      add(one.derived['pgDump'], { ...ofRun, takenBy: 'upgrade', release: version, anchor: version });
    }
  }
  // What a restore found is the way back from it, also once its database is discarded.
  for (const { pgDump, before } of restoresIn(state)) {
    const version = before?.version ?? null;
    add(pgDump, { ...ofRun, takenBy: 'restore', release: version, anchor: version });
  }
  for (const one of state.backups ?? []) add(one.pgDump, ofRecord(one));
  const own = lastResult(state.run, dumpResult)?.pgDump;
  add(own, { ...ofRun, takenBy: takerOf(state.run), release: state.run?.from ?? null, anchor: null });
  add(state.derived['pgDump'], { ...ofRun, takenBy: 'run', release: null, anchor: null });
  return found;
}

const ofRun = { kind: 'upgrade', by: null } as const;

/** Of a dump that no upgrade keeps. Records of older programs do not say that a rehearsal took it. */
const ofRecord = ({ by, version, rollbackTo, rehearsal }: Recorded): Omit<Found, 'dump'> => ({
  kind: rollbackTo === undefined ? 'backup' : 'rollback',
  takenBy: rollbackTo !== undefined ? 'rollback' : rehearsal === true ? 'rehearsal' : 'hand',
  by: by ?? null,
  release: version,
  anchor: null,
});

type Recorded = Pick<BackupRecord, 'by' | 'version' | 'rollbackTo' | 'rehearsal'>;

const takerOf = (run: State['run']): Found['takenBy'] =>
  (['upgrade', 'restore', 'rollback'] as const).find((flow) => flow === run?.flow) ?? 'run';

function entryOf(dump: PgDump, rest: Omit<Found, 'dump'>, state: State | undefined): BackupEntry {
  const { path, folder, takenAt, schemaVersion, sizeBytes, rows, sha256 } = dump;
  const verification = state === undefined ? undefined : verificationOf(state, dump);
  const verified = verification === undefined ? null : { at: verification.at, seconds: verification.seconds };
  const failure = state?.unverified?.[path];
  const name = basename(folder || dirname(path));
  return {
    name,
    path,
    takenAt,
    schemaVersion,
    sizeBytes,
    rows,
    sha256,
    ...rest,
    whole: isThere(dump),
    verified,
    failed: failure === undefined ? null : { at: failure.at, why: failure.why },
  };
}

const nameRule = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Throws 'usage' for what cannot be the name of a backup. */
export function assertBackupName(name: string, list: string): void {
  if (nameRule.test(name)) return;
  throw new IvaapError('usage', `${JSON.stringify(name)} cannot be the name of a backup`, {
    hint: `letters, digits, ".", "_" and "-", at most 100; the names that there are: ${list}`,
  });
}

/** The one of that name. Throws 'usage' where there is none, or several have it. */
export function namedBackup(backups: readonly KnownBackup[], name: string, list: string): KnownBackup {
  assertBackupName(name, list);
  const [first, second] = backups.filter(({ entry }) => entry.name === name);
  if (first !== undefined && second === undefined) return first;
  const message =
    first === undefined
      ? `there is no backup ${name}`
      : `several backups have the name ${name}: ${first.entry.path} and ${second?.entry.path}`;
  throw new IvaapError('usage', message, { hint: list });
}
