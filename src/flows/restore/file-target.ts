import { statSync } from 'node:fs';
import type { PgDump } from '../../backup/dump-record.ts';
import { IvaapError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { firstStop, passesOver } from '../../policy/upgrade-policy.ts';
import { sameRecordedVersion } from '../../version.ts';
import { byteTask } from '../../queries/byte-task.ts';
import { proveGivenDump } from '../../queries/given-dump.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
import { folderBack, onlyItsFolder } from './folder-target.ts';
import { type Host, type Installed, keptRelease } from './kept-release.ts';
import type { RestoreOptions } from './options.ts';
import { pointWithChart } from './point.ts';

/** A dump from anywhere: the data alone, unless the chart of its release was kept on this host. */
export async function fileTarget(
  session: Session,
  { file, dataOnly, dumpVersion, dumpSchema }: RestoreOptions & { file: string },
  { state, installed, before }: Host,
): Promise<{ target: RestoreTarget; notes: string[] }> {
  const { product, again, signal } = session;
  const said = { version: dumpVersion, schema: dumpSchema };
  const total = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const task = byteTask(session.report, { task: 'dump', title: `reading ${file}`, total });
  const { dump, version, notes } = await task.during(() =>
    proveGivenDump(file, { product, again, said, signal, onBytes: task.progress }),
  );
  const common = {
    undo: false,
    chartOnly: false,
    schemaWas: null,
    file: true,
    dump,
    moved: null,
    folder: null,
    roles: null,
  };
  const isSame = sameRecordedVersion(version, before.version);
  const point = version === null ? undefined : pointWithChart(state, version, product.chart.folder);
  const kept =
    dataOnly || isSame || point === undefined
      ? undefined
      : await keptRelease(session, point, { state, installed });
  if (kept !== undefined) {
    const folder = await folderBack(state, kept.release.version);
    if (folder !== undefined) throw onlyItsFolder(session, kept.release.version, folder);
    refuseNewer(session, dump, { version: kept.release.version, schema: point?.dump?.schemaVersion });
    return { target: { ...common, dataOnly: false, ...kept, before }, notes };
  }
  await refuseUnfit(session, { dump, version }, installed.version);
  const of = version === null ? null : foreign(version);
  return {
    target: { ...common, ...dataAlone(installed) },
    notes: dataOnly || isSame ? notes : [...notes, releaseStays(of, installed)],
  };
}

/** Of a restore that leaves the release as it is. */
export const dataAlone = (installed: Installed) => ({
  dataOnly: true,
  release: installed,
  chart: null,
  files: null,
  before: installed,
});

/** Why the data come alone, and what meets them; `of` is null where the dump's release is not known. */
export const releaseStays = (of: string | null, { version }: Installed): string =>
  `it is a dump of ${of ?? 'a release that is not known'}, whose chart is not kept on this host: ` +
  `${version} stays, and meets its data`;

/**
 * Throws `version` for a dump that the release which stays cannot work with: of a later schema than that of
 * the database which is there, or of a release from before one that cannot be passed over.
 */
export async function refuseUnfit(
  session: Session,
  { dump, version: of }: { dump: PgDump; version: string | null },
  version: string,
): Promise<void> {
  const { product, signal, program } = session;
  const stop = of === null ? undefined : firstStop(of, version, product.versions);
  if (of !== null && stop !== undefined) {
    throw new IvaapError(
      'version',
      `${dump.path} is a dump of ${foreign(of)}, and ${passesOver(version, stop)}. Nothing was changed`,
      { hint: `restore it with ${stop} installed, and upgrade from there: ${program} backup list` },
    );
  }
  const { database } = await session.tools();
  const schema = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  refuseNewer(session, dump, { version, schema });
}

/** No release works with the schema of a later one; `schema` is the one that it has worked with here. */
function refuseNewer(
  { program }: Session,
  { path, schemaVersion }: PgDump,
  { version, schema }: { version: string; schema: number | undefined },
): void {
  if (schema === undefined || schemaVersion <= schema) return;
  throw new IvaapError(
    'version',
    `${path} has schema version ${schemaVersion}, and ${version} works with ${schema}: it is a dump of ` +
      'a later release. Nothing was changed',
    { hint: `upgrade to that release first (${program} status), then run the same command again` },
  );
}
