/**
 * What a schema consists of, so that two can be compared without keeping either: a hash over all, how many
 * objects there are of each kind, and a mark of each object.
 */
export interface SchemaFingerprint {
  /** Major version of the server, which writes the definitions. */
  server: number;
  hash: string;
  /** Objects by kind: `{ table: 3, column: 12 }`. */
  counts: Record<string, number>;
  /**
   * By kind, 16 characters for each object: half of them tell its name, half its definition.
   * Absent where the schema is too large to be kept so.
   */
  marks?: Record<string, string> | undefined;
}

const markLength = 16;

/** Objects that are new, gone or defined otherwise, by kind; a kind whose number is not known has none. */
export type SchemaDifference = Record<string, number | null>;

/** Undefined where the two cannot be compared: another major version writes definitions in other words. */
export function compareSchemas(
  before: SchemaFingerprint,
  after: SchemaFingerprint,
): SchemaDifference | undefined {
  if (before.hash === after.hash) return {};
  if (before.server !== after.server) return undefined;
  const all = [...new Set([...Object.keys(before.counts), ...Object.keys(after.counts)])];
  const kinds = all.sort((a, b) => rank(a) - rank(b));
  const { marks: was } = before;
  const { marks: is } = after;
  if (was === undefined || is === undefined) return byCount(kinds, before, after);
  const found = kinds.map((kind): [string, number] => [kind, differing(was[kind], is[kind])]);
  return withoutOrder(Object.fromEntries(found.filter(([, count]) => count > 0)));
}

/** In which they are told; one that a newer program knows comes last. */
const toldFirst = [
  'schema',
  'table',
  'column',
  'constraint',
  'index',
  'view',
  'sequence',
  'type',
  'function',
];
const rank = (kind: string) => (toldFirst.includes(kind) ? toldFirst.indexOf(kind) : toldFirst.length);

/** A column that is new also changes their order. */
function withoutOrder(all: SchemaDifference): SchemaDifference {
  const { [columnOrder]: order, ...rest } = all;
  return order !== undefined && Object.keys(rest).length > 0 ? rest : all;
}

const columnOrder = 'order of columns';

function differing(before = '', after = ''): number {
  const [was, is] = [marksByName(before), marksByName(after)];
  const names = new Set([...was.keys(), ...is.keys()]);
  return [...names].filter((name) => was.get(name) !== is.get(name)).length;
}

function marksByName(marks: string): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < marks.length; at += markLength) {
    const half = at + markLength / 2;
    found.set(marks.slice(at, half), marks.slice(half, at + markLength));
  }
  return found;
}

/** Only kinds whose number has changed are known then; none at all where definitions have. */
function byCount(
  kinds: readonly string[],
  before: SchemaFingerprint,
  after: SchemaFingerprint,
): SchemaDifference {
  const count = (one: SchemaFingerprint, kind: string) => one.counts[kind] ?? 0;
  const changed = kinds.filter((kind) => count(before, kind) !== count(after, kind));
  return withoutOrder(Object.fromEntries(changed.map((kind) => [kind, null])));
}

/** `1 table, 3 columns`. */
export function differenceText(difference: SchemaDifference): string {
  const parts = Object.entries(difference).map(([kind, count]) => {
    if (kind === columnOrder) return 'the order of columns';
    return count === null ? plural(kind) : `${count} ${count === 1 ? kind : plural(kind)}`;
  });
  return parts.length === 0 ? 'objects of a kind that is not known' : parts.join(', ');
}

const irregular: Record<string, string> = {
  index: 'indexes',
  policy: 'policies',
  'statistics object': 'statistics objects',
};
const plural = (kind: string) => irregular[kind] ?? `${kind}s`;
