import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type ParseOptions,
  type DocumentOptions,
  type SchemaOptions,
  type Tags,
  visit,
  type YAMLMap,
} from 'yaml';
import { foreign } from '../foreign.ts';
import { isNestedTooDeep, mostLevels } from '../nesting.ts';
import type { PlainObject } from '../policy/values-patches.ts';

const tag = (name: string) => `tag:yaml.org,2002:${name}`;

/** Helm's YAML is 1.1 with merge keys, but without timestamps and base-60 numbers, and it accepts 0o17. */
export const asHelmReads: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  schema: 'yaml-1.1',
  merge: true,
  // `1` and `"1"` are two keys of YAML and one of Helm's, which takes the value of either, now and then.
  uniqueKeys: (one, other) =>
    isScalar(one) && isScalar(other) && !isMergeKey(one) && nameOf(one) === nameOf(other),
  customTags: (tags: Tags): Tags => [
    ...tags.filter(
      (one) =>
        typeof one === 'string' ||
        (one.tag !== tag('timestamp') &&
          one.tag !== tag('binary') &&
          !('format' in one && one.format === 'TIME')),
    ),
    {
      tag: tag('int'),
      default: true,
      test: /^[-+]?0o[0-7_]+$/,
      resolve: (text: string) => Number.parseInt(text.replaceAll('_', '').replace('0o', ''), 8),
    },
  ],
};

/** Something that Helm would refuse, or read in an unintended way, and its line. */
export interface ValuesFault {
  line: number;
  what: string;
  kind?: 'duplicate' | 'no mapping' | 'too deep';
}

const takenTags = new Set(['str', 'int', 'bool', 'null', 'map', 'seq'].map(tag));
/** Aliases inside one another; above this the file grows beyond measure. */
const mostAliases = 100_000;

type Read = { root: PlainObject } | { faults: ValuesFault[] };

/**
 * The values in a text as Helm's own reader sees them, or why they are refused. An empty text has no values.
 * Refused in addition to what Helm refuses: duplicate keys, of which it silently uses the last, several
 * documents, which it merges, a merge that overrides keys above it, and nesting beyond all reason.
 */
export function readAsHelm(text: string): Read {
  try {
    const read = readDocument(text);
    return 'root' in read && isNestedTooDeep(read.root) ? tooDeep : read;
  } catch (error) {
    if (error instanceof RangeError && stackEnded.test(error.message)) return tooDeep;
    throw error;
  }
}

/** The parser calls itself for each level, and tells of a stack that ended as of a fault of the text. */
const stackEnded = /call stack/;
const tooDeep: Read = {
  faults: [{ line: 1, what: `nested deeper than ${mostLevels} levels`, kind: 'too deep' }],
};

function readDocument(text: string): Read {
  const lines = new LineCounter();
  const faults: ValuesFault[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (/[^\P{Cc}\t\r]|[\u2028\u2029\uFFFE\uFFFF]/u.test(line))
      faults.push({ line: at + 1, what: 'a control character' });
    if (line.startsWith('%'))
      faults.push({ line: at + 1, what: 'a line that starts with %, which is a YAML directive' });
  }
  if (faults.length > 0) return { faults };
  const document = parseDocument(text, { ...asHelmReads, lineCounter: lines });
  if (document.errors.some(({ message }) => stackEnded.test(message))) return tooDeep;
  const lineAt = (offset: number | undefined) => lines.linePos(offset ?? 0).line;
  for (const error of document.errors) {
    const what =
      error.code === 'DUPLICATE_KEY'
        ? `duplicate key "${foreign(keyAt(text, error.pos[0]))}"`
        : error.code === 'MULTIPLE_DOCS'
          ? 'a second document starts (---); put everything into one'
          : foreign(error.message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, ''));
    faults.push({
      line: lineAt(error.pos[0]),
      what,
      ...(error.code === 'DUPLICATE_KEY' ? { kind: 'duplicate' as const } : {}),
    });
  }
  if (faults.length > 0) return { faults };
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { root: {} };
  if (!isMap(contents))
    return {
      faults: [{ line: lineAt(contents.range?.[0]), what: 'a list or a single value', kind: 'no mapping' }],
    };
  faults.push(...nodeFaults(document).map(({ node, what }) => ({ line: lineAt(node.range?.[0]), what })));
  if (faults.length > 0) return { faults };
  try {
    return { root: document.toJS({ maxAliasCount: mostAliases }) as PlainObject };
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return { faults: [{ line: 1, what: foreign((error as Error).message) }] };
  }
}

function nodeFaults(document: Document): { node: Node; what: string }[] {
  const faults: { node: Node; what: string }[] = [];
  visit(document, {
    Node(_, node, path) {
      if (isAlias(node)) {
        const target = node.resolve(document);
        if (target === undefined)
          faults.push({ node, what: `*${foreign(node.source)} has no anchor above it` });
        else if (path.includes(target))
          faults.push({ node, what: `*${foreign(node.source)} contains itself` });
        return;
      }
      if (node.tag !== undefined && !takenTags.has(node.tag))
        faults.push({ node, what: `the tag ${foreign(node.tag)}` });
      if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value))
        faults.push({ node, what: `${foreign(node.source ?? 'it')} is not a finite number` });
    },
    Map(_, map) {
      if (map.tag !== undefined && !takenTags.has(map.tag))
        faults.push({ node: map, what: `the tag ${foreign(map.tag)}` });
      faults.push(...mergeFaults(map, document));
    },
    Pair(_, { key }) {
      if (isScalar(key) && key.value !== null) return;
      if (isNode(key)) faults.push({ node: key, what: 'a key that is not a string' });
    },
  });
  return faults;
}

const nameOf = (key: unknown) => String(isScalar(key) ? key.value : key);
const isMergeKey = (key: unknown) =>
  isScalar(key) && (typeof key.value === 'symbol' || key.source === '<<') && key.type === 'PLAIN';

/** In Helm's reader merged keys override the keys above them; in all other readers they do not. */
function mergeFaults(map: YAMLMap, document: Document): { node: Node; what: string }[] {
  const faults: { node: Node; what: string }[] = [];
  const above = new Set<string>();
  for (const pair of map.items) {
    if (!isPair(pair)) continue;
    const { key, value } = pair;
    if (!isMergeKey(key)) {
      above.add(nameOf(key));
      continue;
    }
    const node = key as Node;
    const sources = isSeq(value) ? value.items : [value];
    for (const source of sources) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      if (!isMap(merged)) faults.push({ node, what: '<< merges something that is not a mapping' });
      else {
        const lost = merged.items.map((item) => nameOf(item.key)).filter((name) => above.has(name));
        if (lost.length > 0)
          faults.push({ node, what: `<< would override ${foreign(lost.join(', '))} above it; put << first` });
      }
    }
  }
  return faults;
}

function keyAt(text: string, position: number): string {
  return (/^[^\s:]+/.exec(text.slice(position, position + 200))?.[0] ?? '?').replaceAll(/["']/g, '');
}

/** The text of a file's bytes. Anything that is not UTF-8 is reported with its line. */
export function decodeValues(bytes: Buffer): { text: string } | { faults: ValuesFault[] } {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    const start = bytes.subarray(0, 2).toString('hex');
    if (start === 'fffe' || start === 'feff')
      return { faults: [{ line: 1, what: 'UTF-16; Helm reads UTF-8 only' }] };
    let line = 1;
    for (let from = 0; from < bytes.length; line += 1) {
      const end = bytes.indexOf(0x0a, from);
      const upTo = end === -1 ? bytes.length : end + 1;
      try {
        utf8.decode(bytes.subarray(from, upTo));
      } catch {
        break;
      }
      from = upTo;
    }
    return { faults: [{ line, what: 'bytes that are not UTF-8' }] };
  }
}
