import { isDeepStrictEqual } from 'node:util';
import type { PlainJson, PlainObject } from './values-patches.ts';
import { orderOf } from '../version.ts';

type Path = readonly string[];

/**
 * What the vendor says of one key of the operator's values; without a condition, of all files that set it.
 */
export interface BreakingKey {
  path: Path;
  equals?: unknown;
  absent?: true | undefined;
  todo: string;
  replacedBy?: Path | undefined;
  blocks: boolean;
}

/** What the vendor says of one release. */
export interface ReleaseNotes {
  version: string;
  breaking: readonly BreakingKey[];
  migration?: { kind: 'one-way' | 'staged'; text: string; blocks: boolean } | undefined;
  lines: readonly string[];
}

/** The notes of one release as data for people and scripts, judged where a values file is at hand. */
export interface ToldNotes {
  version: string;
  breaking: ToldKey[];
  migration: {
    kind: 'one-way' | 'staged';
    text: string;
    blocks: boolean;
    yours: 'at once' | 'later' | null;
  } | null;
  lines: string[];
}

export interface ToldKey {
  key: string;
  when: 'present' | 'absent' | 'equals';
  equals?: PlainJson;
  todo: string;
  replacedBy: string | null;
  blocks: boolean;
  /** `taken over`: the file is as it was, and a values patch does for it what the note asks for. */
  yours: 'affected' | 'taken over' | 'replaced' | 'not affected' | null;
}

/** What a host's values say. */
export interface HostValues {
  /** The operator's file. */
  own: PlainObject;
  /** What the release's patches lay over it. */
  overlay: PlainObject;
  /**
   * Whether they let the product migrate its schema when it starts; undefined where it has no such switch.
   */
  migrates: boolean | undefined;
}

/** Any entry of a list, as a key of a path. */
const anyEntry = '[]';

/**
 * A path as text: `a.b`, with what is no plain word in brackets: `a["b.c"]`. It holds no `=`, at which a
 * waiver would end.
 */
export function keyText(path: Path): string {
  return path
    .map((key, at) => {
      if (key === anyEntry) return key;
      if (/^[A-Za-z0-9_-]+$/.test(key)) return at === 0 ? key : `.${key}`;
      return `[${JSON.stringify(key).replaceAll('=', '\\u003d')}]`;
    })
    .join('');
}

/**
 * The notes of releases newer than `from` and not newer than `to`, oldest first; without `from` all up to
 * `to`. A version that cannot be read leaves nothing out.
 */
export function notesBetween<Notes extends { version: string }>(
  notes: readonly Notes[],
  { from, to }: { from: string | null; to: string },
): Notes[] {
  const isAfter = (version: string) => from === null || (orderOf(version, from) ?? 1) > 0;
  return notes
    .filter(({ version }) => isAfter(version) && (orderOf(version, to) ?? 0) <= 0)
    .sort((a, b) => orderOf(a.version, b.version) ?? 0);
}

/** Every value that a path leads to; undefined where it ends before. An empty list leads nowhere. */
function valuesAt(value: unknown, path: Path): unknown[] {
  const [key, ...rest] = path;
  if (key === undefined) return [value];
  if (Array.isArray(value))
    return key === anyEntry ? value.flatMap((one) => valuesAt(one, rest)) : [undefined];
  const isHere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isHere ? valuesAt((value as PlainObject)[key], rest) : [undefined];
}

/** To Helm a key that is null is a key that is not there. */
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** Whether a values file is one of those that a note concerns. */
export function concerns(
  { path, equals, absent }: Omit<BreakingKey, 'todo' | 'blocks'>,
  values: unknown,
): boolean {
  const found = valuesAt(values, path);
  if (equals !== undefined)
    return found.some((one) => isDeepStrictEqual(one ?? null, equals) && one !== undefined);
  return absent === true ? found.some((one) => !isSet(one)) : found.some(isSet);
}

/** The keys that take the place of one, in turn: a later release may rename the new one again. */
function successors(of: BreakingKey, all: readonly BreakingKey[], seen: readonly string[] = []): Path[] {
  const { replacedBy } = of;
  if (replacedBy === undefined || seen.includes(keyText(replacedBy))) return [];
  const next = all.filter(({ path }) => isDeepStrictEqual([...path], [...replacedBy]));
  return [replacedBy, ...next.flatMap((one) => successors(one, all, [...seen, keyText(replacedBy)]))];
}

function yoursOf(
  key: BreakingKey,
  all: readonly BreakingKey[],
  host: HostValues | undefined,
): ToldKey['yours'] {
  if (host === undefined) return null;
  if (!concerns(key, host.own)) return 'not affected';
  const asked = [...(key.absent === true ? [key.path] : []), ...successors(key, all)];
  const isDoneIn = (values: PlainObject) => asked.some((path) => valuesAt(values, path).some(isSet));
  if (isDoneIn(host.own)) return 'replaced';
  return isDoneIn(host.overlay) ? 'taken over' : 'affected';
}

/**
 * Whether the operator has something to change in the values file. A missing key that a patch sets is none:
 * the file has nothing that is wrong.
 */
export const isToChange = ({ yours, when }: Pick<ToldKey, 'yours' | 'when'>): boolean =>
  yours === 'affected' || (yours === 'taken over' && when !== 'absent');

/** The notes as they are printed; `host` says what they mean for one host. */
export function toldNotes(notes: readonly ReleaseNotes[], host?: HostValues): ToldNotes[] {
  const all = notes.flatMap(({ breaking }) => breaking);
  return notes.map(({ version, breaking, migration, lines }) => ({
    version,
    breaking: breaking.map((one) => ({
      key: keyText(one.path),
      when: one.equals !== undefined ? 'equals' : one.absent === true ? 'absent' : 'present',
      ...(one.equals === undefined ? {} : { equals: one.equals as PlainJson }),
      todo: one.todo,
      replacedBy: one.replacedBy === undefined ? null : keyText(one.replacedBy),
      blocks: one.blocks,
      yours: yoursOf(one, all, host),
    })),
    migration:
      migration === undefined
        ? null
        : {
            ...migration,
            yours: host?.migrates === undefined ? null : host.migrates ? 'at once' : 'later',
          },
    lines: [...lines],
  }));
}
