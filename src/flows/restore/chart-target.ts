import { join } from 'node:path';
import { wayBackOf } from '../../backup/way-back.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { judgeSchema, type SchemaAnswer, schemaSentence } from '../../policy/schema-verdict.ts';
import { sameRecordedVersion } from '../../version.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import { askSchemaOnce } from '../../release/schema-now.ts';
import type { Session } from '../../session/session.ts';
import { type Host, type Installed, keptRelease, pointFor } from './kept-release.ts';
import type { RestoreOptions } from './options.ts';
import type { RestorePoint } from './point.ts';

/** What a restore without a database has. */
const chartAlone = {
  file: false,
  dataOnly: false,
  chartOnly: true,
  dump: null,
  moved: null,
  folder: null,
  roles: null,
} as const;

/** Chart and release alone, on a database whose schema is the one that the release knew. */
export async function chartTarget(
  session: Session,
  { backup, file }: RestoreOptions,
  host: Host,
): Promise<RestoreTarget> {
  const { program, again, product, signal } = session;
  const { state, before } = host;
  const withData = again({ without: ['--chart-only'] });
  const list = `${program} backup list`;
  if (file !== undefined)
    throw new IvaapError('usage', `${file} holds data alone: there is no chart in it`, { hint: withData });
  const point = await pointFor(session, state, backup);
  const { version } = point;
  if (version !== null && sameRecordedVersion(version, before.version)) {
    throw new IvaapError('nothing_to_do', `${version} is the release that is there`, {
      hint: `${list}, then: ${program} restore NAME`,
    });
  }
  const kept = await keptRelease(session, point, host);
  if (kept === undefined) {
    const message = `the chart of ${version ?? 'that release'} was not kept on this host`;
    throw new IvaapError('failed', message, { hint: list });
  }
  const { database } = await session.tools();
  const was = schemaThen(state, point);
  const verdict = judgeSchema(was, await askSchemaOnce({ database, product }, signal));
  const { version: schema, fingerprint } = was;
  if (verdict.kind !== 'unchanged' || schema === undefined || fingerprint === undefined) {
    const why =
      verdict.kind === 'unchanged' ? 'What its schema consisted of was not kept.' : schemaSentence(verdict);
    throw new IvaapError(
      'version',
      `${kept.release.version} cannot come back without the data of then. ${why} Nothing was changed`,
      { hint: `to bring the data of then back as well: ${withData}` },
    );
  }
  // A target is recorded: marks are large.
  const schemaWas = { version: schema, fingerprint: { ...fingerprint, marks: undefined } };
  return { ...chartAlone, ...kept, undo: false, schemaWas, before };
}

/** Takes such a restore back: the files that it has kept are in `kept`. */
export const chartBack = (
  chartFolder: string,
  { kept, release, before }: { kept: string; release: Installed; before: Installed },
): RestoreTarget => ({
  ...chartAlone,
  undo: true,
  schemaWas: null,
  release,
  chart: join(kept, chartFolder),
  files: kept,
  before,
});

/** The schema that the release of a point worked with. */
function schemaThen(state: State, { dump, version }: RestorePoint): SchemaAnswer {
  const way = wayBackOf(state);
  const isSame = version !== null && way.from !== null && sameRecordedVersion(way.from, version);
  const isLast = dump === undefined || dump.path === way.restore?.path;
  if (isSame && isLast && way.helmStartedAt !== undefined) return way.schemaWas;
  return { version: dump?.schemaVersion, fingerprint: dump?.schemaFingerprint };
}
