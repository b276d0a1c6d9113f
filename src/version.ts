import { compare, parse } from 'semver';
import { IvaapError } from './errors.ts';

/**
 * How a product counts its releases: `calver` by the year, `2026.1`, or `semver` as Semantic Versioning 2.0.0
 * says, `2.2.0`.
 */
export const versionSchemes = ['calver', 'semver'] as const;

export type VersionScheme = (typeof versionSchemes)[number];

/** A product's data, as far as they say how its versions are read. */
export interface Versioned {
  versions: { scheme?: VersionScheme | undefined };
}

/** The scheme of a product. */
export const schemeOf = ({ versions }: Versioned): VersionScheme => versions.scheme ?? 'calver';

/** The scheme of a record; one without it is of a product that counts by `calver`. */
export const recordedScheme = ({
  versionScheme = 'calver',
}: {
  versionScheme?: VersionScheme | undefined;
}): VersionScheme => versionScheme;

/** What a record says of a scheme: nothing of `calver`, as records of before. */
export const schemeRecord = (scheme: VersionScheme): { versionScheme?: VersionScheme } =>
  scheme === 'calver' ? {} : { versionScheme: scheme };

/** A release's version by value: two texts of one scheme that mean the same give equal ones. */
export interface Version {
  scheme: VersionScheme;
  /** The year, in `calver`. */
  major: number;
  minor: number;
  patch: number;
  /** `rc.1` of `2026.2-rc.1`; empty for a release. */
  prerelease: string;
}

/** What messages call the grammar of a scheme. */
export const schemeForms: Record<VersionScheme, string> = {
  calver: 'YYYY.N[.P][-pre]',
  semver: 'MAJOR.MINOR.PATCH[-pre][+build]',
};

const calver = /^(\d{4})\.(0|[1-9]\d{0,4})(?:\.(0|[1-9]\d{0,4}))?(?:-([0-9A-Za-z.-]+))?$/;

/** The same version as semver writes it; undefined for a text that is no version of the scheme. */
function asSemver(text: string, scheme: VersionScheme): string | undefined {
  // The library takes a leading v or =, and spaces around.
  if (scheme === 'semver') return /^\d\S*$/.test(text) ? text : undefined;
  const [, year, minor, patch = '0', prerelease] = calver.exec(text) ?? [];
  if (year === undefined || minor === undefined) return undefined;
  return `${year}.${minor}.${patch}${prerelease === undefined ? '' : `-${prerelease}`}`;
}

/** Undefined for a text that is no version of the scheme. Build metadata (`+5`) is no part of the value. */
export function parseVersion(text: string, scheme: VersionScheme): Version | undefined {
  // Semver's own rules hold for both: no empty part of a pre-release, no number with a leading zero.
  const parsed = parse(asSemver(text, scheme) ?? null);
  if (parsed === null) return undefined;
  const { major, minor, patch, prerelease } = parsed;
  return { scheme, major, minor, patch, prerelease: prerelease.join('.') };
}

/** `what` names the version in the message, e.g. "the installed version". Throws IvaapError `version`. */
export function requireVersion(text: string, what: string, scheme: VersionScheme): Version {
  const version = parseVersion(text, scheme);
  if (version === undefined) throw new IvaapError('version', `${what} is ${notOfScheme(text, scheme)}`);
  return version;
}

/** That a text is no version of the scheme, and where that can be guessed what was meant. */
export function notOfScheme(text: string, scheme: VersionScheme): string {
  const message = `${JSON.stringify(text)}, which is not a version of the form ${schemeForms[scheme]}`;
  const bare = text.trim().replace(/^[vV]/, '');
  const meant = [bare, `${bare}.0`].find((one) => parseVersion(one, scheme) !== undefined);
  return meant === undefined ? message : `${message}: write ${meant}`;
}

/** Three numbers and the pre-release, whatever the scheme. */
const semverText = ({ major, minor, patch, prerelease }: Version): string =>
  `${major}.${minor}.${patch}${prerelease === '' ? '' : `-${prerelease}`}`;

/** Negative when `left` is older; a pre-release is older than its release. Both are of one scheme. */
export const compareVersions = (left: Version, right: Version): number =>
  compare(semverText(left), semverText(right));

/** The one text of a version: `calver` leaves a patch of 0 out, `semver` has all three numbers. */
export function formatVersion(version: Version): string {
  const { scheme, major, minor, patch, prerelease } = version;
  if (scheme === 'semver' || patch !== 0) return semverText(version);
  return `${major}.${minor}${prerelease === '' ? '' : `-${prerelease}`}`;
}

/** The one text of the version that a text names; any other text as it is. */
export function oneText(text: string, scheme: VersionScheme): string {
  const version = parseVersion(text, scheme);
  return version === undefined ? text : formatVersion(version);
}

/**
 * Orders two texts of which the scheme is not at hand: negative when `left` is older. Undefined where no
 * scheme has both, as `2026.1` and `3.0.0`.
 */
export function orderOf(left: string, right: string): number | undefined {
  for (const scheme of versionSchemes) {
    const [a, b] = [parseVersion(left, scheme), parseVersion(right, scheme)];
    if (a !== undefined && b !== undefined) return compareVersions(a, b);
  }
  return undefined;
}

/** Whether a text is a version of any scheme: where the product is not at hand. */
export const isVersion = (text: string): boolean =>
  versionSchemes.some((scheme) => parseVersion(text, scheme) !== undefined);

/**
 * Whether two texts name one version: `2026.1`, and `2026.1.0` as Chart.yaml has it; `2.2.0` and `2.2.0+5`.
 * False when either is none.
 */
export const sameVersion = (left: string, right: string): boolean => orderOf(left, right) === 0;

/** The same of recorded texts: those that are no versions are compared as they are. */
export const sameRecordedVersion = (left: string | null, right: string | null): boolean =>
  left === right || (left !== null && right !== null && sameVersion(left, right));

/** What is recorded of a version, in a record whose keys are versions as they were written then. */
export const recordOf = <Value>(
  records: Readonly<Record<string, Value>>,
  version: string | null,
): [key: string, value: Value] | undefined =>
  Object.entries(records).find(([key]) => sameRecordedVersion(key, version));
