import type { Known } from '../known.ts';
import { flexnetDate } from './flexnet-values.ts';

/** What `lmutil lmstat -f FEATURE` says of one feature. */
export type FeatureAnswer =
  | {
      state: 'granted';
      /** How many licences the server has; undefined: uncounted. */
      issued: number | undefined;
      inUse: number | undefined;
      version: string | undefined;
      /** Its last day; null: it does not expire. Undefined: not said. */
      expires: Known<string | null> | undefined;
    }
  | { state: 'denied'; why: string }
  | { state: 'unknown'; why: string };

export interface LmstatAnswer {
  /** Of the license manager and the vendor's daemon; unknown where nothing is said of them. */
  server: 'up' | 'down' | 'unknown';
  feature: FeatureAnswer;
}

const mostBytes = 1024 * 1024;

/**
 * Reads the words of lmstat. Its exit status is 0 in most failures, so only words count; what is cut or
 * empty is unknown. Never throws.
 */
export function readLmstat(output: string, feature: string): LmstatAnswer {
  const lines = output
    .slice(0, mostBytes)
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim());
  const server = serverState(lines);
  const answer = featureAnswer(lines, feature);
  if (answer !== undefined) return { server, feature: answer };
  const why =
    server === 'down'
      ? 'the license manager says that it or the vendor’s daemon is down'
      : output.trim() === ''
        ? 'lmutil said nothing'
        : 'lmutil said nothing of this feature';
  return { server, feature: { state: 'unknown', why } };
}

const down = [
  /cannot connect to license server/i,
  /cannot read data from license server/i,
  /vendor daemon is down/i,
  /^[^\s:]+: license server DOWN\b/i,
  /^[^\s:]+: DOWN\b/i,
];
const managerUp = /^[^\s:]+: license server UP\b/i;
const daemonUp = /^[^\s:]+: UP\b/i;

/** Of a triad, one that is up and is the master is enough. */
function serverState(lines: readonly string[]): LmstatAnswer['server'] {
  const some = (patterns: readonly RegExp[]) => lines.some((line) => patterns.some((one) => one.test(line)));
  if (some([daemonUp])) return 'up';
  if (some(down)) return 'down';
  return some([managerUp]) ? 'up' : 'unknown';
}

function featureAnswer(lines: readonly string[], feature: string): FeatureAnswer | undefined {
  const start = `Users of ${feature}:`;
  const at = lines.findIndex((line) => line.startsWith(start));
  if (at === -1) {
    const none = lines.some((line) => /no such feature exists/i.test(line) && line.includes(feature));
    return none ? { state: 'denied', why: 'the server has no such feature' } : undefined;
  }
  const said = (lines[at] ?? '').slice(start.length).trim();
  if (/no such feature exists/i.test(said)) return { state: 'denied', why: 'the server has no such feature' };
  if (/unsupported by licensed server/i.test(said))
    return { state: 'denied', why: 'the server does not support its licences' };
  // The server that is down is no denial.
  if (down.some((one) => one.test(said))) return { state: 'unknown', why: 'the server is down' };
  if (/^\(?error\b/i.test(said) || /^cannot get users\b/i.test(said))
    return { state: 'denied', why: 'the server answers with an error' };
  const details = detailsOf(lines.slice(at + 1, at + 200), feature);
  if (/^\(uncounted/i.test(said)) {
    return { state: 'granted', issued: undefined, inUse: undefined, ...details };
  }
  const [, issued] = /\b(\d{1,9}) licenses? issued\b/i.exec(said) ?? [];
  const [, inUse] = /\b(\d{1,9}) licenses? in use\b/i.exec(said) ?? [];
  if (issued === undefined) return undefined;
  if (Number(issued) === 0) return { state: 'denied', why: 'the server has 0 licences of it' };
  const used = inUse === undefined ? undefined : Number(inUse);
  return { state: 'granted', issued: Number(issued), inUse: used, ...details };
}

/** `"NAME" v54, vendor: V, expiry: 30-oct-2026`, before what is said of the next feature. */
function detailsOf(lines: readonly string[], feature: string) {
  const next = lines.findIndex((line) => line.startsWith('Users of '));
  const own = next === -1 ? lines : lines.slice(0, next);
  const line = own.find((one) => one.startsWith(`"${feature}" `));
  const [, version] = /^"[^"]*" v([^\s,]{1,41})/.exec(line ?? '') ?? [];
  const [, expiry] = /\bexpiry: ([^\s,(]{1,20})/i.exec(line ?? '') ?? [];
  return { version, expires: expiry === undefined ? undefined : flexnetDate(expiry) };
}
