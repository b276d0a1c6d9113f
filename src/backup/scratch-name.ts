import { compactTime } from '../policy/compact-time.ts';

/**
 * Databases beside the live one, on the same server, each with a name that says whose it is and what for:
 * `restore` is an unfinished copy, `moved` the one from before a restore, `verify` a dump that is being
 * proved, `rehearsal` one that a new release migrates for a try.
 */
export type BesideKind = 'restore' | 'moved' | 'verify' | 'rehearsal';

/** Those that nobody needs once the run that made them has ended. */
export type ScratchKind = Exclude<BesideKind, 'moved'>;

/**
 * PostgreSQL truncates names to 63 bytes, and a truncated name may be that of another database: 33 bytes are
 * left for the suffix.
 */
function prefixOf(name: string): string {
  let prefix = name;
  while (Buffer.byteLength(prefix) > 30) prefix = prefix.slice(0, -1);
  return prefix;
}

export const besidePrefix = (database: string, kind: BesideKind): string => `${prefixOf(database)}_${kind}_`;

const stamp = String.raw`\d{8}T\d{6}_\d+$`;

/** A name that no other has: `welldb_verify_20260131T235959_4711`, with the number of this process. */
export const besideName = (database: string, kind: BesideKind, now: Date, pid = process.pid): string =>
  `${besidePrefix(database, kind)}${compactTime(now).replace('Z', '')}_${pid}`;

/** Whether a database beside the other one has a name that only we give. */
export const isBeside = (name: string, database: string, kind: BesideKind): boolean => {
  const prefix = besidePrefix(database, kind);
  return name.startsWith(prefix) && new RegExp(`^${stamp}`).test(name.slice(prefix.length));
};

/** What a name that only we give says, whichever database it was made beside. */
export const leftBy = (name: string): BesideKind | undefined =>
  new RegExp(`_(moved|restore|verify|rehearsal)_${stamp}`).exec(name)?.[1] as BesideKind | undefined;

/** When a name that only we give was made up: ISO 8601, UTC. */
export const madeAt = (name: string): string =>
  name.replace(/^.*_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_\d+$/s, '$1-$2-$3T$4:$5:$6Z');
