import type { Known } from '../known.ts';
import { type LogicalLine, logicalLines } from './flexnet-lines.ts';
import {
  compareFeatureVersions,
  flexnetCount,
  flexnetDate,
  type LicenseServer,
  portAtHost,
  serverHost,
  serverPort,
} from './flexnet-values.ts';

/** A FEATURE, INCREMENT or UPGRADE line, or a component of a PACKAGE that one of them enables. */
export interface Feature {
  name: string;
  vendor: string;
  version: string;
  /** Its last day; null: it does not expire. */
  expires: Known<string | null>;
  /** Its first day; null: valid since ever. */
  starts: Known<string | null>;
  count: number | 'uncounted' | undefined;
  /** Where it may be used: nothing means everywhere. */
  hostids: readonly string[];
  line: number;
  /** Why it may lack something. */
  damage: LogicalLine['damage'];
}

interface Package {
  vendor: string;
  name: string;
  version: string | undefined;
  component: { version: string | undefined };
}

interface Upgrade extends Feature {
  from: string;
}

/** What a FlexNet licence file says, as plain data. It says nothing of the signatures. */
export interface Flexnet {
  servers: LicenseServer[];
  /** Clients ask the server and read no further. */
  useServer: boolean;
  features: Map<string, Feature[]>;
  /** By component: the packages that hold it. */
  packages: Map<string, Package[]>;
  upgrades: Map<string, Upgrade[]>;
  /** Names of features that come in several FEATURE lines, of which a daemon may read only the first. */
  repeated: Set<string>;
  /** Signatures and such: never to be shown. */
  secrets: Set<string>;
  /** What could not be understood, without any of the file's text. */
  problems: string[];
}

const keywords = new Set(
  'SERVER USE_SERVER VENDOR DAEMON FEATURE INCREMENT PACKAGE UPGRADE FEATURESET SUITE_GROUP'.split(' '),
);
const mostProblems = 20;
const secretKeys = /^(sign\d?|auth|ck|v\d+_lk|sn|vendor_string|serial|key|lkey)$/i;

/** Undefined where no line is one of a FlexNet licence. Never throws; in linear time. */
export function parseFlexnet(text: string): Flexnet | undefined {
  const marked = text.startsWith('\ufeff');
  const reader = new Reader();
  for (const one of logicalLines(marked ? text.slice(1) : text)) reader.take(one);
  if (!reader.isFlexnet) return undefined;
  if (marked) reader.problem('it starts with a byte order mark, which a license manager may not read');
  return reader.found;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** `KEY=value` words by upper-case key, and the other words in their order. */
function split(words: readonly string[]): { keys: Map<string, string>; plain: string[] } {
  const keys = new Map<string, string>();
  const plain: string[] = [];
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) keys.set(word.slice(0, at).toUpperCase(), word.slice(at + 1));
    else plain.push(word);
  }
  return { keys, plain };
}

const wordsOf = (text: string | undefined) => (text ?? '').split(/[\s]+/).filter((word) => word !== '');

class Reader {
  readonly found: Flexnet = {
    servers: [],
    useServer: false,
    features: new Map(),
    packages: new Map(),
    upgrades: new Map(),
    repeated: new Set(),
    secrets: new Set(),
    problems: [],
  };
  isFlexnet = false;
  readonly #once = new Set<string>();
  #problems = 0;

  problem(text: string): void {
    this.#problems += 1;
    if (this.#problems < mostProblems) this.found.problems.push(text);
    else this.found.problems[mostProblems - 1] = `${this.#problems - mostProblems + 1} more of the kind`;
  }

  take(one: LogicalLine): void {
    const [first = '', ...rest] = one.words;
    const keyword = first.toUpperCase();
    if (!keywords.has(keyword)) return this.#other(one);
    this.isFlexnet = true;
    if (one.damage !== undefined) this.problem(`line ${one.line}: ${one.damage}`);
    const { keys, plain } = split(rest);
    for (const [key, value] of keys) if (secretKeys.test(key) && value !== '') this.found.secrets.add(value);
    if (keyword === 'SERVER') this.#server(one, rest);
    else if (keyword === 'USE_SERVER') this.found.useServer = true;
    else if (keyword === 'FEATURE' || keyword === 'INCREMENT') this.#feature(one, keyword, keys, plain);
    else if (keyword === 'PACKAGE') this.#package(one, keys, plain);
    else if (keyword === 'UPGRADE') this.#upgrade(one, keys, plain);
  }

  #other({ line, words }: LogicalLine): void {
    const servers = words.length === 1 ? portAtHost(words[0] ?? '') : undefined;
    if (servers === undefined) return this.problem(`line ${line} is none of a licence file`);
    this.isFlexnet = true;
    this.found.servers.push(...servers);
    this.found.useServer = true;
  }

  /** A host id may be `HOSTNAME=…`, so that its words are counted and not split. */
  #server({ line }: LogicalLine, [name = '', _hostid, ...rest]: readonly string[]): void {
    const host = serverHost(name);
    if (host === undefined) return this.problem(`line ${line}: SERVER names no host`);
    const [text = ''] = rest;
    const port = serverPort(text);
    if (port === undefined && /^(tcp:)?\d+$/i.test(text))
      return this.problem(`line ${line}: the port of SERVER is none`);
    this.found.servers.push({ host, port });
  }

  #feature(
    one: LogicalLine,
    keyword: 'FEATURE' | 'INCREMENT',
    keys: ReadonlyMap<string, string>,
    plain: readonly string[],
  ): void {
    const [name, vendor, version, expiry, count, ...old] = plain;
    if (name === undefined || vendor === undefined || version === undefined) {
      return this.problem(`line ${one.line}: ${keyword} lacks its name, vendor or version`);
    }
    const feature = this.#read(one, { name, vendor, version, expiry, count, old }, keys);
    if (keyword === 'FEATURE') {
      if (this.#once.has(name)) this.found.repeated.add(name);
      this.#once.add(name);
    }
    push(this.found.features, name, feature);
  }

  #read(
    { line, damage }: LogicalLine,
    words: Pick<Feature, 'name' | 'vendor' | 'version'> & {
      expiry: string | undefined;
      count: string | undefined;
      old: readonly string[];
    },
    keys: ReadonlyMap<string, string>,
  ): Feature {
    const { name, vendor, version, expiry, count: countText, old } = words;
    // Files of old license managers have the code, and behind it the host id, as words without a key.
    const [code, ...further] = old;
    if (code !== undefined && code !== '') this.found.secrets.add(code);
    const oldHostid = further.at(-1);
    const start = keys.get('START');
    const expires = flexnetDate(expiry);
    const starts = start === undefined ? ({ known: true, value: null } as const) : flexnetDate(start);
    const count = flexnetCount(countText);
    if (!expires.known || !starts.known)
      this.problem(`line ${line}: ${expires.known ? 'START' : 'expiry'} is no date`);
    if (count === undefined) this.problem(`line ${line}: the number of licences cannot be read`);
    const hostids = [...wordsOf(keys.get('HOSTID')), ...(oldHostid ? [oldHostid] : [])];
    return { name, vendor, version, expires, starts, count, hostids, line, damage };
  }

  #package(one: LogicalLine, keys: ReadonlyMap<string, string>, plain: readonly string[]): void {
    const [name, vendor, version] = plain;
    const components = wordsOf(keys.get('COMPONENTS'));
    if (name === undefined || vendor === undefined || components.length === 0) {
      return this.problem(`line ${one.line}: PACKAGE lacks its name, vendor or components`);
    }
    for (const text of components) {
      const [component = '', own] = text.split(':');
      push(this.found.packages, component, {
        name,
        vendor,
        version,
        component: { version: own || undefined },
      });
    }
  }

  #upgrade(one: LogicalLine, keys: ReadonlyMap<string, string>, plain: readonly string[]): void {
    const [name, vendor, from, version, expiry, count, ...old] = plain;
    if (name === undefined || vendor === undefined || from === undefined || version === undefined) {
      return this.problem(`line ${one.line}: UPGRADE lacks its name, vendor or versions`);
    }
    const feature = this.#read(one, { name, vendor, version, expiry, count, old }, keys);
    push(this.found.upgrades, name, { ...feature, from });
  }
}

/**
 * Of a hostile file, whose packages and upgrades would otherwise multiply: far beyond those of any real one.
 */
const mostPairs = 100_000;

/** What grants a feature: its own lines, upgrades of them, and packages that a line enables. */
export function linesOf(flexnet: Flexnet, name: string): Feature[] {
  const own = flexnet.features.get(name) ?? [];
  const found = [...own];
  let pairs = 0;
  for (const upgrade of flexnet.upgrades.get(name) ?? []) {
    if ((pairs += own.length) > mostPairs) break;
    if (own.some((base) => upgrades(upgrade, base))) found.push(upgrade);
  }
  for (const { name: of, vendor, version, component } of flexnet.packages.get(name) ?? []) {
    const lines = flexnet.features.get(of) ?? [];
    if ((pairs += lines.length) > mostPairs) break;
    for (const line of lines) {
      if (line.vendor !== vendor || (version !== undefined && !sameVersion(line.version, version))) continue;
      found.push({ ...line, name, version: component.version ?? line.version });
    }
  }
  return found;
}

const upgrades = ({ from, version }: Upgrade, base: Feature) =>
  (compareFeatureVersions(base.version, from) ?? -1) >= 0 &&
  (compareFeatureVersions(base.version, version) ?? 1) < 0;

const sameVersion = (one: string, other: string) => one === other || compareFeatureVersions(one, other) === 0;
