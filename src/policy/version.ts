import { compare, parse } from 'semver';
import { IvaapError } from '../errors.ts';

/**
 * A release's version, `YYYY.N[.P][-pre]`: the year is the major. `semver` is the same with patch 0 where it
 * has none, which is also what Chart.yaml must say.
 */
export interface Version {
  major: number;
  minor: number;
  patch: number;
  /** `rc.1` of `2026.2-rc.1`; empty for a release. */
  prerelease: string;
  semver: string;
}

const grammar = /^(\d{4})\.(0|[1-9]\d{0,4})(?:\.(0|[1-9]\d{0,4}))?(?:-([0-9A-Za-z.-]+))?$/;

/** Undefined for a text that is no version. */
export function parseVersion(text: string): Version | undefined {
  const [, year, minor, patch = '0', prerelease] = grammar.exec(text) ?? [];
  if (year === undefined || minor === undefined) return undefined;
  const semver = `${year}.${minor}.${patch}${prerelease === undefined ? '' : `-${prerelease}`}`;
  // semver's own rules for what follows the dash: no empty part, no number with a leading zero.
  if (parse(semver) === null) return undefined;
  return {
    major: Number(year),
    minor: Number(minor),
    patch: Number(patch),
    prerelease: prerelease ?? '',
    semver,
  };
}

/** `what` names the version in the message, e.g. "the installed version". Throws IvaapError `version`. */
export function requireVersion(text: string, what: string): Version {
  const version = parseVersion(text);
  if (version === undefined) {
    throw new IvaapError(
      'version',
      `${what} is "${text}", which is not a version of the form YYYY.N[.P][-pre]`,
    );
  }
  return version;
}

/** Negative when `left` is older; a pre-release is older than its release. */
export function compareVersions(left: Version, right: Version): number {
  return compare(left.semver, right.semver);
}

/** The shortest form: a patch of 0 is left out. */
export function formatVersion({ major, minor, patch, prerelease }: Version): string {
  return `${major}.${minor}${patch === 0 ? '' : `.${patch}`}${prerelease === '' ? '' : `-${prerelease}`}`;
}

/** The shortest form of a text that names a version; any other text as it is. */
export function shortestVersion(text: string): string {
  const version = parseVersion(text);
  return version === undefined ? text : formatVersion(version);
}

/**
 * Whether two texts name one version: `2026.1`, and `2026.1.0` as Chart.yaml has it. False when either is
 * none.
 */
export function sameVersion(left: string, right: string): boolean {
  const [a, b] = [parseVersion(left), parseVersion(right)];
  return a !== undefined && b !== undefined && compareVersions(a, b) === 0;
}

/** The same of recorded texts: those that are no versions are compared as they are. */
export const sameRecordedVersion = (left: string, right: string): boolean =>
  left === right || sameVersion(left, right);
