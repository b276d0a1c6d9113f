import { orderOf, sameVersion } from '../../version.ts';
import { refused, type RepairFacts, type Refused } from './facts.ts';
import { knownSchema } from './sources.ts';

type SchemaJudgement =
  | Refused
  | {
      kind: 'fits';
      /** What the version ran with before an upgrade. */
      before: number | undefined;
      /** The version that has moved it beyond what this one had. */
      movedFor: string | undefined;
    };

/**
 * Whether the database's schema fits this version. A newer schema means that an upgrade is unfinished.
 */
export function judgeSchema(
  { opened, schemaNow, state, evidence, program }: RepairFacts,
  version: string,
): SchemaJudgement {
  const { release } = opened;
  const own = sameVersion(version, release.version) ? release.schema : undefined;
  const { before, target } = knownSchema(version, state, evidence.copies);
  const most = own?.target ?? target ?? before;
  const fits: SchemaJudgement = { kind: 'fits', before: before ?? most, movedFor: undefined };
  if (schemaNow === undefined) return fits;
  const status = `${program} status`;
  if (own !== undefined && schemaNow < own.min) {
    const message =
      `the Helm release is ${version}, which needs at least schema ` +
      `version ${own.min}, but the database has ${schemaNow}`;
    return refused('version', message, status);
  }
  const newest = Math.max(release.schema.target, most ?? 0);
  if (schemaNow > newest) {
    const message =
      `the database's schema version ${schemaNow} is newer than those of ${version} and of this ` +
      `package, ${release.version} (${release.schema.target}): use the package of the version that ` +
      'migrated it';
    return refused('version', message, status);
  }
  if (most === undefined || schemaNow <= most) return fits;
  if ((orderOf(release.version, version) ?? 0) > 0) {
    return { kind: 'fits', before: before ?? most, movedFor: release.version };
  }
  const message =
    `the Helm release is ${version}, but the database has schema version ${schemaNow}, not ` +
    `${most}: a newer release has migrated it. Restore the dump from before, or use the package of ` +
    'that release';
  return refused('version', message, status);
}
