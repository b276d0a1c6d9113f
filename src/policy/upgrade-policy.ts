import { IvaapError } from '../errors.ts';
import { type Again, upgradeFlags } from './again.ts';
import {
  compareVersions,
  formatVersion,
  parseVersion,
  requireVersion,
  sameVersion,
  schemeOf,
  type Version,
  type Versioned,
} from '../version.ts';

/** Everything that decides whether an upgrade may start; nothing is looked up here. */
export interface UpgradeFacts {
  /** As messages name the program: `./ivaap`. */
  command: string;
  /** The command that runs, as it was typed. */
  again: Again;
  /** The release that last completed on this host; undefined without installer state. */
  installed: { version: string; payloadDigest: string } | undefined;
  /** The last run, however it ended. */
  lastRun:
    | {
        flow: string;
        status: 'running' | 'failed' | 'completed' | 'superseded';
        to: string;
        payloadDigest: string;
        binary: string;
        /** The command that resumes it. */
        resume: string;
        /**
         * Set once Helm has started since a run last completed, in this run or in one that it superseded: the
         * versions that Helm was started for, and the schema before the first of them.
         */
        helmStarted: { versions: string[]; schemaBefore: number | undefined } | undefined;
      }
    | undefined;
  target: { version: string; payloadDigest: string };
  /** Versions that an upgrade left behind with what brings them back. */
  anchored?: readonly string[];
  /** Helm's only record was taken away, and is to be made again. */
  releaseGone?: boolean;
  /**
   * Of the database as it is now; undefined where it was not asked or did not answer, which counts as moved.
   */
  schemaNow: number | undefined;
  /**
   * What differs in that schema although its version is the one of before; absent where no difference is
   * known.
   */
  schemaDiffers?: string | undefined;
  /** `preflightOnly` changes nothing, and so has something to do where the release is installed already. */
  flags: { reapply: boolean; acceptUnsupported: boolean; supersede: boolean; preflightOnly?: boolean };
  limits: Versioned['versions'] & {
    minimumSource: string;
    maxMajorStep: number;
    /** No upgrade passes over these. */
    requiredReleases?: readonly string[] | undefined;
    legacyGuide: string;
  };
}

export type UpgradeDecision =
  | {
      kind: 'allowed';
      from: string;
      to: string;
      /** `continue` resumes the unfinished run; `fresh` closes it and starts again; `new` starts a run. */
      how: 'new' | 'continue' | 'fresh';
      /** What the operator should know first. */
      notes: string[];
    }
  | { kind: 'nothing-to-do'; message: string; hint: string }
  | { kind: 'refused'; message: string; hint?: string };

/** The version policy of upgrades. Throws IvaapError `version` only for a text that is no version. */
export function decideUpgrade(facts: UpgradeFacts): UpgradeDecision {
  const { installed, limits } = facts;
  if (installed === undefined) return refuseUnmanaged(facts);
  const scheme = schemeOf({ versions: limits });
  const from = requireVersion(installed.version, 'the installed version', scheme);
  const to = requireVersion(facts.target.version, 'the version of this payload', scheme);
  return (
    refuseOldSource(from, limits) ??
    refuseDowngrade(from, to, facts) ??
    refuseOlderThanStarted(to, facts) ??
    refuseOtherUnfinishedRun(facts) ??
    refusePassedOver(from, to, facts) ??
    refuseSkippedMajor(from, to, facts) ??
    allow(facts, installed, from, to)
  );
}

/** The same as an error for a caller that must not continue: exit 5, or 10 when there is nothing to do. */
export function requireUpgrade(facts: UpgradeFacts): UpgradeDecision & { kind: 'allowed' } {
  const decision = decideUpgrade(facts);
  if (decision.kind === 'allowed') return decision;
  throw new IvaapError(decision.kind === 'refused' ? 'version' : 'nothing_to_do', decision.message, {
    hint: decision.hint,
  });
}

function refuseUnmanaged({ lastRun, target, limits, again }: UpgradeFacts): UpgradeDecision {
  if (lastRun?.flow === 'install') {
    const without = ['--upgrade', ...upgradeFlags];
    return {
      kind: 'refused',
      message:
        `the install of ${lastRun.to} on this host has not ` +
        'completed; only a completed install can be upgraded',
      hint:
        lastRun.payloadDigest === target.payloadDigest
          ? `finish it: ${lastRun.resume}`
          : `finish it with the program that started it: ${lastRun.resume}; ` +
            `or close it and install with this package: ${again({ add: ['--supersede'], without })}`,
    };
  }
  return {
    kind: 'refused',
    message: 'this host has no completed install by this installer, so there is nothing to upgrade',
    hint: `follow the guide "${limits.legacyGuide}"`,
  };
}

function refuseOldSource(from: Version, limits: UpgradeFacts['limits']): UpgradeDecision | undefined {
  const what = "the product's oldest source version";
  const minimum = requireVersion(limits.minimumSource, what, from.scheme);
  if (compareVersions(from, minimum) >= 0) return undefined;
  return {
    kind: 'refused',
    message:
      `the installed version ${formatVersion(from)} is older than ` +
      `${formatVersion(minimum)}, the oldest that can be upgraded`,
    hint: `to get to ${formatVersion(minimum)} first, follow the guide "${limits.legacyGuide}"`,
  };
}

function refuseDowngrade(
  from: Version,
  to: Version,
  { anchored, command }: UpgradeFacts,
): UpgradeDecision | undefined {
  if (compareVersions(to, from) >= 0) return undefined;
  return {
    kind: 'refused',
    message:
      `${formatVersion(from)} is installed and this payload is ` +
      `${formatVersion(to)}: a downgrade is not supported`,
    hint: anchored?.some((version) => sameVersion(version, formatVersion(to)))
      ? `use the package of ${formatVersion(from)} or a newer one; where the dump ` +
        `of ${formatVersion(to)} was restored: ${command} repair-state`
      : `use the package of ${formatVersion(from)} or a newer one`,
  };
}

/** The unfinished run of another payload; its own payload resumes it. */
export function otherUnfinishedRun({
  lastRun,
  target,
}: Pick<UpgradeFacts, 'lastRun' | 'target'>): UpgradeFacts['lastRun'] {
  if (lastRun === undefined || !isUnfinished(lastRun)) return undefined;
  return lastRun.payloadDigest === target.payloadDigest ? undefined : lastRun;
}

/**
 * Once Helm has started for a version, the database may be at its schema: an older release is a downgrade,
 * unless the schema is proved to be where it was.
 */
function refuseOlderThanStarted(to: Version, facts: UpgradeFacts): UpgradeDecision | undefined {
  const run = otherUnfinishedRun(facts);
  if (run?.helmStarted === undefined) return undefined;
  const { versions, schemaBefore } = run.helmStarted;
  const what = 'the version of an unfinished upgrade';
  const started = versions.map((text) => requireVersion(text, what, to.scheme));
  const highest = started.sort(compareVersions).at(-1);
  if (highest === undefined || compareVersions(to, highest) >= 0) return undefined;
  const { schemaNow } = facts;
  if (schemaNow !== undefined && schemaNow === schemaBefore) return undefined;
  const schema =
    schemaNow === undefined || schemaBefore === undefined
      ? 'whether the schema is unchanged is not known, which counts as moved'
      : `the database schema has moved from version ${schemaBefore} to ${schemaNow}`;
  return {
    kind: 'refused',
    message:
      `Helm was started for ${formatVersion(highest)} and that upgrade is not ` +
      `finished; this payload is ${formatVersion(to)}, which is older, and ${schema}`,
    hint:
      'finish it with the program that started it: ' +
      `${facts.again({ program: run.binary, without: ['--supersede'] })}; or use a package of ` +
      `${formatVersion(highest)} or newer with --supersede`,
  };
}

/** Two ways out: the program that started it, or closing it for good. */
function refuseOtherUnfinishedRun(facts: UpgradeFacts): UpgradeDecision | undefined {
  const run = otherUnfinishedRun(facts);
  if (run === undefined || facts.flags.supersede) return undefined;
  const progress =
    run.helmStarted === undefined
      ? 'has changed nothing in the cluster yet'
      : 'has started to change the cluster';
  return {
    kind: 'refused',
    message:
      `an ${run.flow} to ${run.to}, started by ${run.binary}, is not finished and ` +
      `${progress}; this is another package (${facts.target.version})`,
    hint:
      `finish it: ${facts.again({ program: run.binary })}; or close it and start ` +
      `again with this package: ${facts.again({ add: ['--supersede'] })}`,
  };
}

/**
 * The first of the product's required releases between two versions; undefined where none is, or a text is no
 * version. What it migrates no later release does.
 */
export function firstStop(
  from: string,
  to: string,
  limits: Pick<UpgradeFacts['limits'], 'scheme' | 'requiredReleases'>,
): string | undefined {
  const { requiredReleases = [] } = limits;
  const scheme = schemeOf({ versions: limits });
  const [older, newer] = [parseVersion(from, scheme), parseVersion(to, scheme)];
  if (older === undefined || newer === undefined) return undefined;
  const [first] = requiredReleases
    .map((text) => requireVersion(text, 'a required release of the product', scheme))
    .filter((stop) => compareVersions(older, stop) < 0 && compareVersions(stop, newer) < 0)
    .sort(compareVersions);
  return first === undefined ? undefined : formatVersion(first);
}

/** What is wrong with a release that does: no flag accepts it. */
export const passesOver = (version: string, stop: string): string =>
  `${version} passes over ${stop}, which has to be installed in between`;

function refusePassedOver(
  from: Version,
  to: Version,
  { limits, again }: UpgradeFacts,
): UpgradeDecision | undefined {
  const [older, newer] = [formatVersion(from), formatVersion(to)];
  const stop = firstStop(older, newer, limits);
  if (stop === undefined) return undefined;
  return {
    kind: 'refused',
    message: `${older} to ${passesOver(newer, stop)}`,
    hint: `upgrade to ${stop} first, with its own package; then: ${again()}`,
  };
}

function refuseSkippedMajor(from: Version, to: Version, facts: UpgradeFacts): UpgradeDecision | undefined {
  const { maxMajorStep } = facts.limits;
  if (to.major - from.major <= maxMajorStep || facts.flags.acceptUnsupported) return undefined;
  return {
    kind: 'refused',
    message:
      `${formatVersion(from)} to ${formatVersion(to)} moves ` +
      `${to.major - from.major} majors at once; ${maxMajorStep} is ` +
      'supported',
    hint:
      `upgrade to ${from.major + maxMajorStep}.x first, or accept the risk ` +
      `with ${facts.again({ add: ['--accept-unsupported-upgrade'] })}`,
  };
}

function isUnfinished(run: NonNullable<UpgradeFacts['lastRun']>): boolean {
  return run.status === 'running' || run.status === 'failed';
}

function allow(
  facts: UpgradeFacts,
  installed: { payloadDigest: string },
  from: Version,
  to: Version,
): UpgradeDecision {
  const { lastRun, target, flags, limits } = facts;
  const notes: string[] = [];
  const unfinished = lastRun !== undefined && isUnfinished(lastRun);
  const samePayload = installed.payloadDigest === target.payloadDigest && compareVersions(from, to) === 0;
  if (samePayload && !unfinished && !flags.reapply && facts.releaseGone !== true) {
    const message = `${formatVersion(to)} is already installed from this payload`;
    const hint =
      'to run every step again anyway: ' +
      `${facts.again({ add: ['--reapply'], without: ['--skip-backup'] })}`;
    if (!flags.preflightOnly) return { kind: 'nothing-to-do', message, hint };
    notes.push(message);
  }
  if (to.major - from.major > limits.maxMajorStep) {
    notes.push(
      `${formatVersion(from)} to ${formatVersion(to)} is not ` +
        'supported; it was accepted with --accept-unsupported-upgrade',
    );
  }
  const other = otherUnfinishedRun(facts);
  if (other !== undefined) {
    notes.push(
      `the unfinished ${other.flow} to ${other.to} is closed ` +
        '(--supersede); what it saved before Helm started is kept',
    );
    if (facts.schemaDiffers !== undefined) {
      notes.push(
        `the schema's version is as before that ${other.flow}, but it differs: ${facts.schemaDiffers}. ` +
          'Part of its migration may be there',
      );
    }
  }
  const how = flags.reapply || other !== undefined ? 'fresh' : unfinished ? 'continue' : 'new';
  return { kind: 'allowed', from: formatVersion(from), to: formatVersion(to), how, notes };
}
