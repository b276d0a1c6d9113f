import { dirname } from 'node:path';
import { compactTime } from '../policy/compact-time.ts';

/** Folders that this installer makes beside the database's, by their names alone. */

/** What a rollback of `postgres` renames the data folder to; `time` as {@link compactTime} has it. */
export const removedDataName = (storagePath: string, time: string): string =>
  `${storagePath}.removed-${time}`;

/** What a data folder is called once another major version's has taken its place. */
export const keptFolderName = (folder: string, major: number | undefined, now: Date): string =>
  `${folder}.pg${major ?? 'unknown'}-${compactTime(now)}`;

/** Where the server of another major version makes its data. */
export const newFolderName = (folder: string, major: number): string => `${folder}.pg${major}-new`;

const origins = [
  { by: 'rollback', suffix: /^\.removed-\d{8}T\d{6}Z(-\d+)?$/, words: 'put aside by a rollback' },
  { by: 'switch', suffix: /^\.pg(\d+|unknown)-\d{8}T\d{6}Z$/, words: 'of before a change of PostgreSQL' },
  { by: 'copy', suffix: /^\.pg\d+-new$/, words: 'a copy that a change of PostgreSQL has not finished' },
] as const;

/** A data folder beside the live one. */
export interface Aside {
  path: string;
  by: (typeof origins)[number]['by'];
  /** Why it is there, in a few words. */
  words: string;
}

/** A path beside the data folder that has one of the names above; undefined of any other path. */
export function asideOf(path: string, storagePath: string): Aside | undefined {
  if (dirname(path) !== dirname(storagePath) || !path.startsWith(storagePath)) return undefined;
  const suffix = path.slice(storagePath.length);
  const found = origins.find((one) => one.suffix.test(suffix));
  return found === undefined ? undefined : { path, by: found.by, words: found.words };
}
