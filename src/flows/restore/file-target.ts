import type { PgDump } from '../../backup/dump-record.ts';
import { IvaapError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { sameRecordedVersion } from '../../policy/version.ts';
import { proveGivenDump } from '../../queries/given-dump.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
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
  const { dump, version, notes } = await proveGivenDump(file, { product, again, said, signal });
  const common = {
    undo: false,
    chartOnly: false,
    schemaWas: null,
    file: true,
    dump,
    moved: null,
    roles: null,
  };
  const isSame = version !== null && sameRecordedVersion(version, before.version);
  const point = version === null ? undefined : pointWithChart(state, version, product.chart.folder);
  const kept =
    dataOnly || isSame || point === undefined
      ? undefined
      : await keptRelease(session, point, { state, installed });
  if (kept !== undefined) return { target: { ...common, dataOnly: false, ...kept, before }, notes };
  await refuseNewer(session, dump, version, installed);
  const of = version === null ? 'a release that is not known' : foreign(version);
  const stays =
    `it is a dump of ${of}, whose chart is not kept on this host: ${installed.version} stays, and meets ` +
    'its data';
  return {
    target: { ...common, dataOnly: true, release: installed, chart: null, files: null, before: installed },
    notes: dataOnly || isSame ? notes : [...notes, stays],
  };
}

/** No release works with the schema of a later one. */
async function refuseNewer(
  session: Session,
  { path, schemaVersion }: PgDump,
  version: string | null,
  installed: Installed,
): Promise<void> {
  const { product, signal, program } = session;
  const { database } = await session.tools();
  const now = await database.schemaVersion(product.database.schemaVersionQuery, signal);
  if (schemaVersion <= now) return;
  throw new IvaapError(
    'version',
    `${path} has schema version ${schemaVersion}, and ${installed.version} works with ${now}: it is a dump ` +
      `of ${version === null ? 'a later release' : foreign(version)}. Nothing was changed`,
    { hint: `upgrade to that release first (${program} status), then run the same command again` },
  );
}
