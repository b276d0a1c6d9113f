import type { RunRecord } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { versionAndSize } from '../../host/database-size.ts';
import { known } from '../../known.ts';
import { freshFlags, rollbackToBeginAnew, upgradeFlags } from '../../policy/again.ts';
import { databaseVolume } from '../../release/database-volume.ts';
import { majorInFolder } from '../../release/kept-data.ts';
import { recordedFolder } from '../../release/our-data.ts';
import type { Session } from '../../session/session.ts';

/**
 * Throws `version` where an unfinished install has left data that this release cannot work with: those of
 * another major version of PostgreSQL, or of a later schema. What neither folder nor database tells refuses
 * nothing.
 */
export async function refuseUnusableData(session: Session, run: RunRecord): Promise<void> {
  const { product, release, signal } = session;
  const { kubectl, database } = await session.tools();
  const path = recordedFolder(run) ?? (await databaseVolume(kubectl, product, signal)).path;
  const onDisk = path === undefined ? undefined : await majorInFolder(path);
  const isStarted = run.pointOfNoReturn !== undefined;
  const server = isStarted ? await known(versionAndSize(database, signal)) : undefined;
  signal.throwIfAborted();
  const runs = server?.known === true ? Math.floor(server.value.versionNumber / 10_000) : undefined;
  const major = onDisk ?? runs;
  const where = `the data of the unfinished install of ${run.to}${path === undefined ? '' : `, in ${path},`}`;
  if (major !== undefined && major !== release.postgresMajor) {
    throw new IvaapError(
      'version',
      `${where} are of PostgreSQL ${major}, and ${release.version} runs PostgreSQL ` +
        `${release.postgresMajor}, which cannot read them. Nothing was changed`,
      { hint: waysOn(session, run, { upgrades: major < release.postgresMajor, runs: runs !== undefined }) },
    );
  }
  if (runs === undefined) return;
  const schema = await known(database.schemaVersion(product.database.schemaVersionQuery, signal));
  signal.throwIfAborted();
  if (!schema.known || schema.value <= release.schema.target) return;
  throw new IvaapError(
    'version',
    `${where} have schema version ${schema.value}, and ${release.version} knows versions up to ` +
      `${release.schema.target}. Nothing was changed`,
    { hint: waysOn(session, run, { upgrades: false, runs: true }) },
  );
}

/** The commands that go on with the data, and the ones that begin without them. */
function waysOn(
  { again, payload, product }: Session,
  { binary, payloadDigest, to }: RunRecord,
  { upgrades, runs }: { upgrades: boolean; runs: boolean },
): string {
  const isOther = payloadDigest !== payload.digest;
  const program = isOther ? binary : undefined;
  const none = ['--supersede', '--resume', ...freshFlags];
  const resume = again({ program, add: ['--resume'], without: ['--upgrade', ...upgradeFlags, ...none] });
  const upgrade = again({ add: ['--upgrade'], without: ['--supersede', '--resume', ...freshFlags] });
  const takesAlong = upgrades && product.database.majorUpgrade === 'dump-restore';
  const rollback = rollbackToBeginAnew(again, program);
  const what = runs
    ? 'a last dump is taken, and the data folder is renamed, not deleted'
    : 'the data folder is renamed, not deleted; the database does not run, so no dump can be taken';
  const then = again({ without: ['--upgrade', '--supersede', '--resume', ...upgradeFlags] });
  return [
    ...(isOther ? [`to finish ${to}: ${resume}`] : []),
    ...(isOther && takesAlong ? [`and then to take its data along: ${upgrade}`] : []),
    `to begin anew (${what}): ${rollback}${runs ? '' : ' --skip-backup'}`,
    `and then: ${then}${isOther ? ' --supersede' : ''}`,
  ].join('\n');
}
