import { type RowsThenAndNow, rowsThenAndNow } from '../../backup/rows-then-and-now.ts';
import { verificationOf } from '../../backup/verified-dump.ts';
import type { State } from '../../engine/state.ts';
import { foreign } from '../../foreign.ts';
import { type DatabaseSize, databaseSize } from '../../host/database-size.ts';
import type { Manifest } from '../../host/kubectl.ts';
import { type Known, known } from '../../known.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { parseRendered } from '../../release/rendered-chart.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';

/** What a restore takes away and leaves, as it is shown before the name has to be typed. */
export interface Stake {
  lines: string[];
  /** What it does not bring back. */
  notes: string[];
}

const mostTables = 20;

/** Asks the database and Helm; what does not answer is said to be not known. Read-only. */
export async function atStake(session: Session, target: RestoreTarget, state: State): Promise<Stake> {
  const { product, signal } = session;
  const { database, kubectl } = await session.tools();
  const ctx = { database, kubectl, product, now: () => new Date() };
  if (target.chartOnly) return chartAtStake(session, target);
  const { dump, moved, folder, before, release } = target;
  const [size, schema, rows, manifest] = await Promise.all([
    known(databaseSize(database, signal)),
    known(database.schemaVersion(product.database.schemaVersionQuery, signal)),
    dump === null ? undefined : known(rowsThenAndNow(ctx, dump, signal)),
    known(session.helm().then((helm) => helm.manifest())),
  ]);
  signal.throwIfAborted();
  const told = <T>(asked: Known<T>, words: (value: T) => string) =>
    asked.known ? words(asked.value) : `not known: ${asked.why}`;
  const { name } = product.database;
  const what =
    folder !== null
      ? `the data folder ${folder.path} of PostgreSQL ${folder.major}, as ${release.version} has left it`
      : dump === null
        ? `the database ${moved ?? ''}, which the last restore has moved`
        : dumpWords(dump);
  const lines = [
    `This replaces the database ${name} of ${product.title} with`,
    `  ${what}`,
    `  release    ${before.version} now, ${release.version} afterwards` +
      (target.dataOnly ? ' (data only)' : ''),
    `  schema     version ${told(schema, String)} now` +
      (dump === null ? '' : `, ${dump.schemaVersion} in the dump`),
    `  database   ${told(size, sizeText)}: it ` +
      `stays beside the restored one${folder === null ? '' : ', in a data folder of its own'}, and ` +
      '"restore --undo" brings it back',
    ...(rows === undefined ? [] : told(rows, rowLines).split('\n').map(underRows)),
    ...(folder === null ? secondsLines(state, target) : []),
  ];
  const left = manifest.known
    ? notRestored(parseRendered(manifest.value).objects, product.database.volume.claim)
    : [];
  return { lines, notes: left.map((one) => `not restored: ${one}`) };
}

const dumpWords = ({ path, takenAt, sizeBytes, rows }: NonNullable<RestoreTarget['dump']>): string =>
  `${path}, taken ${takenAt} (${formatBytes(sizeBytes)}, ${counted(rows, 'row')})`;

/** Without the database there is little at stake. */
const chartAtStake = (
  { product, paths }: Session,
  { before, release, files, schemaWas }: RestoreTarget,
): Stake => ({
  lines: [
    `This brings chart, values and release of ${product.title} back, and leaves the database as it is`,
    `  release    ${before.version} now, ${release.version} afterwards`,
    ...(schemaWas === null
      ? []
      : [`  schema     version ${schemaWas.version}: every object is as it was then`]),
    `  values     from ${files ?? ''}; ${paths.values} is kept beside them where it differs`,
  ],
  notes: [],
});

const sizeText = ({ sizeBytes, rows }: DatabaseSize) =>
  `${formatBytes(sizeBytes)}, about ${counted(rows, 'row')}`;

const underRows = (line: string, at: number) => `  ${at === 0 ? 'rows      ' : '          '} ${line}`;

function rowLines(rows: readonly RowsThenAndNow[]): string {
  const changed = rows.filter(({ dumped, now, written = 0 }) => dumped !== now || written > 0);
  if (changed.length === 0) return `as many as in the dump in each of ${counted(rows.length, 'table')}`;
  const count = (rows: number | undefined) => rows ?? 'no such table';
  const lines = changed.slice(0, mostTables).map(({ table, dumped, now, written }) => {
    const since = written === undefined ? '' : `, of which ${written} were added or changed since`;
    return `${foreign(table)}: ${count(dumped)} in the dump, ${count(now)} now${since}`;
  });
  const more = changed.length - mostTables;
  return [...lines, ...(more > 0 ? [`and ${counted(more, 'more table')}`] : [])].join('\n');
}

/** By what it took to restore the same dump for a try, or to write it. */
function secondsLines(state: State, { dump }: RestoreTarget): string[] {
  if (dump === null) return [];
  const tried = verificationOf(state, dump)?.seconds;
  const took =
    dump.endedAt === undefined ? undefined : (Date.parse(dump.endedAt) - Date.parse(dump.takenAt)) / 1000;
  const seconds = tried ?? (took === undefined ? undefined : took * 4);
  if (seconds === undefined) return [];
  const by = tried === undefined ? 'by the time the dump took' : 'as when it was verified';
  return [`  loading    about ${Math.max(1, Math.round(seconds))} s while the product runs, ${by}`];
}

/** Claims other than the database's, and folders of the host: their contents stay as they are. */
function notRestored(objects: readonly Manifest[], databaseClaim: string): string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (typeof value === 'object' && value !== null) {
      const { hostPath, persistentVolumeClaim } = value as {
        hostPath?: { path?: unknown };
        persistentVolumeClaim?: { claimName?: unknown };
      };
      if (typeof hostPath?.path === 'string') found.add(`the folder ${foreign(hostPath.path)} of this host`);
      const claim = persistentVolumeClaim?.claimName;
      if (typeof claim === 'string' && claim !== databaseClaim) found.add(`the claim ${foreign(claim)}`);
      Object.values(value).forEach(look);
    }
  };
  for (const object of objects) {
    const { kind, metadata } = object;
    if (kind === 'PersistentVolumeClaim' && metadata.name !== databaseClaim)
      found.add(`the claim ${foreign(metadata.name)}`);
    if (kind !== 'PersistentVolume') look(object);
  }
  return [...found].sort();
}
