import type { State } from '../engine/state.ts';
import type { ReleaseRecord } from '../host/helm-record.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import { sameVersion } from '../version.ts';
import { agreeingVersions } from '../release/agreeing-versions.ts';
import { describeRelease } from './host-evidence.ts';
import type { Known } from '../known.ts';

/** How Helm's newest record differs from the state; undefined where it does not, or is unknown. */
export function disagreement(
  state: State,
  records: Known<readonly ReleaseRecord[]>,
  release: string,
): string | undefined {
  const { installed } = state;
  if (installed === undefined || !records.known) return undefined;
  const last = records.value.at(-1);
  if (last === undefined) {
    if (readHelmJournal(state.helm).emptied === true) return undefined;
    return (
      `the state says that ${installed.version} is installed, ` +
      `but Helm has no record of the release ${release}`
    );
  }
  const { version } = last.content ?? {};
  if (version !== undefined && agreeingVersions(state).known.some((one) => sameVersion(one, version)))
    return undefined;
  return (
    `the state says that ${installed.version} is installed, but the ` +
    `Helm release ${release} is ${describeRelease(last)}`
  );
}
