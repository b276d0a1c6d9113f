import { endOf, type FeatureNames, featureOf, isExpired, type License } from './entitlements.ts';
import { type Feature, linesOf } from './flexnet.ts';
import { compareFeatureVersions } from './flexnet-values.ts';
import { type HostIdentity, matchHostids } from './host-ids.ts';
import type { FeatureAnswer } from './lmstat.ts';

/**
 * What a licence means for one entitlement. Anything but `granted` is no grant; among several lines the best
 * counts, which comes first here.
 */
export const entitlementStatuses = [
  'granted',
  'unknown',
  'not yet valid',
  'expired',
  'other host',
  'older version',
  'missing',
  'denied',
] as const;

export type EntitlementStatus = (typeof entitlementStatuses)[number];

export interface EntitlementVerdict {
  status: EntitlementStatus;
  /** One clause, where the status alone does not say it. */
  why: string | undefined;
  /** ISO day or time; null: it does not expire. Undefined: not known, or there is no grant. */
  expires: string | null | undefined;
  /** Whole days until then; negative: since. */
  daysLeft: number | undefined;
  version: string | undefined;
  /** Of licences, in FlexNet; null: uncounted. */
  count: number | null | undefined;
  /** Of licences that nobody uses now, as the server says. */
  free: number | undefined;
}

export interface Judging {
  names: FeatureNames;
  now: Date;
  host: HostIdentity;
}

const dayMs = 86_400_000;

const daysUntil = (expires: string | null | undefined, now: Date) =>
  typeof expires === 'string' ? Math.floor((endOf(expires) - now.getTime()) / dayMs) : undefined;

const nothing = {
  why: undefined,
  expires: undefined,
  daysLeft: undefined,
  version: undefined,
  count: undefined,
  free: undefined,
};

const serverDecides = 'the licence names only a server, which decides';

/** What the licence itself says of an entitlement. */
export function judgeEntitlement(license: License, name: string, judging: Judging): EntitlementVerdict {
  const { flexnet } = license;
  if (flexnet === undefined) return judgeJson(license, name, judging);
  const lines = linesOf(flexnet, featureOf(judging.names, name));
  const found = lines.map((line) => judgeLine(line, name, judging));
  const best = found.reduce<EntitlementVerdict | undefined>(
    (kept, one) => (kept === undefined || isBetter(one, kept) ? one : kept),
    undefined,
  );
  if (best !== undefined) return { ...best, count: countOf(lines, best) };
  return flexnet.useServer
    ? { ...nothing, status: 'unknown', why: serverDecides }
    : { ...nothing, status: 'missing' };
}

const farthest = ({ expires }: EntitlementVerdict) =>
  expires === null ? Infinity : expires === undefined ? -Infinity : endOf(expires);

function isBetter(one: EntitlementVerdict, kept: EntitlementVerdict): boolean {
  const [rank, keptRank] = [
    entitlementStatuses.indexOf(one.status),
    entitlementStatuses.indexOf(kept.status),
  ];
  return rank === keptRank ? farthest(one) > farthest(kept) : rank < keptRank;
}

/** INCREMENT lines add up; of one that is uncounted all are. */
function countOf(lines: readonly Feature[], best: EntitlementVerdict): number | null | undefined {
  if (best.status !== 'granted') return undefined;
  if (lines.some(({ count }) => count === 'uncounted')) return null;
  const counts = lines.flatMap(({ count }) => (typeof count === 'number' ? count : []));
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

function judgeJson(license: License, name: string, { now }: Judging): EntitlementVerdict {
  if (!license.entitlements.includes(name)) return { ...nothing, status: 'missing' };
  const expires = license.expires ?? null;
  const status = isExpired(license, now) ? 'expired' : 'granted';
  return { ...nothing, status, expires, daysLeft: daysUntil(expires, now) };
}

function judgeLine(line: Feature, name: string, { names, now, host }: Judging): EntitlementVerdict {
  const { version, starts, damage, hostids } = line;
  const expires = line.expires.known ? line.expires.value : undefined;
  const judged = (status: EntitlementStatus, why?: string): EntitlementVerdict => ({
    status,
    why,
    expires,
    daysLeft: daysUntil(expires, now),
    version,
    count: undefined,
    free: undefined,
  });
  const least = names[name]?.leastVersion;
  const compared = least === undefined ? 0 : compareFeatureVersions(version, least);
  if (compared !== undefined && compared < 0)
    return judged('older version', `its version is lower than ${least}`);
  if (typeof expires === 'string' && now.getTime() >= endOf(expires)) return judged('expired');
  const match = matchHostids(hostids, host);
  if (match === 'another host') return judged('other host', 'its HOSTID is not one of this host');
  if (starts.known && starts.value !== null && now.getTime() < Date.parse(starts.value))
    return judged('not yet valid', `valid from ${starts.value}`);
  if (damage !== undefined) return judged('unknown', `line ${line.line}: ${damage}`);
  if (compared === undefined) return judged('unknown', 'its version is no number');
  if (expires === undefined || !starts.known)
    return judged('unknown', `line ${line.line}: a date cannot be read`);
  if (line.count === undefined) return judged('unknown', 'the number of licences cannot be read');
  if (match === 'unknown') return judged('unknown', 'its HOSTID is of a kind that cannot be compared here');
  return judged('granted');
}

/**
 * With what the licence server says. A denial counts whatever the licence says; a grant only where the
 * licence leaves it to the server.
 */
export function withServerAnswer(
  verdict: EntitlementVerdict,
  answer: FeatureAnswer,
  name: string,
  { names, now }: Judging,
): EntitlementVerdict {
  if (answer.state === 'denied') {
    const denies = verdict.status === 'granted' || verdict.status === 'unknown';
    return denies ? { ...verdict, status: 'denied', why: answer.why } : verdict;
  }
  if (answer.state === 'unknown') return verdict;
  const isLeft = verdict.status === 'unknown' && verdict.why === serverDecides;
  if (verdict.status !== 'granted' && !isLeft) return verdict;
  const said = judgeServer(answer, name, { names, now });
  if (isLeft) return said;
  // What the server does not say is as the licence has it.
  if (said.status === 'granted' || said.status === 'unknown') {
    const { free } = said;
    const why = free === 0 ? allInUse : verdict.why;
    return { ...verdict, why, count: answer.issued ?? verdict.count, free };
  }
  const why =
    said.status === 'expired'
      ? `the server’s licence expired on ${said.expires}`
      : `on the server ${said.why}`;
  return { ...verdict, status: 'denied', why };
}

const allInUse = 'all of them are in use';

/** What the server grants, by its own words. */
function judgeServer(
  { issued, inUse, version, expires }: Extract<FeatureAnswer, { state: 'granted' }>,
  name: string,
  { names, now }: Pick<Judging, 'names' | 'now'>,
): EntitlementVerdict {
  const until = expires?.known === true ? expires.value : undefined;
  const least = names[name]?.leastVersion;
  const compared = least === undefined ? 0 : compareFeatureVersions(version ?? '', least);
  const free = issued === undefined || inUse === undefined ? undefined : Math.max(0, issued - inUse);
  const judged = (status: EntitlementStatus, why?: string) => ({
    status,
    why,
    expires: until,
    daysLeft: daysUntil(until, now),
    version,
    count: issued ?? null,
    free,
  });
  if (compared === undefined) return judged('unknown', 'the server does not say its version');
  if (compared < 0) return judged('older version', `its version is lower than ${least}`);
  if (typeof until === 'string' && now.getTime() >= endOf(until)) return judged('expired');
  return judged('granted', free === 0 ? allInUse : 'the licence server says so');
}

/** When a licence expired as a whole: in FlexNet all that it names for the product. Undefined: it has not. */
export function expiredOn(license: License, judging: Judging): string | undefined {
  if (license.flexnet === undefined) return isExpired(license, judging.now) ? license.expires : undefined;
  const found = license.entitlements.map((name) => judgeEntitlement(license, name, judging));
  if (found.some(({ status }) => status !== 'expired')) return undefined;
  return found
    .flatMap(({ expires }) => expires ?? [])
    .sort()
    .at(-1);
}

/** The product's entitlements that a licence grants at that time on that host. */
export const grantedNow = (license: License, judging: Judging): string[] =>
  license.flexnet === undefined
    ? license.entitlements
    : license.entitlements.filter((name) => judgeEntitlement(license, name, judging).status === 'granted');
