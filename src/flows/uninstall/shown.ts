import type { Known } from '../../known.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { goesWhole, type OwnedVolume, removedOf } from '../../release/ours.ts';
import { ofData, placeAfter } from '../../release/our-files.ts';
import type { Session } from '../../session/session.ts';
import type { UninstallDecision } from './decision.ts';

/** What an uninstall would delete and keep, as it is shown before the name has to be typed. */
export function shownLines(
  { product, paths }: Pick<Session, 'product' | 'paths'>,
  { found, choices, cluster, notes }: Pick<UninstallDecision, 'found' | 'choices' | 'cluster' | 'notes'>,
  skipsBackup: boolean,
): string[] {
  const { release, contents, volume, storagePath, data, database, files, backups, images } = found;
  const { putAside, heldByOthers } = found;
  const told = <T>(asked: Known<T>, words: (value: T) => string) =>
    asked.known ? words(asked.value) : `not known: ${asked.why}`;
  const objects = told(contents, (all) => {
    const ours = removedOf(all);
    const claims = ours.filter(({ kind }) => kind === 'PersistentVolumeClaim').map(({ name }) => name);
    const among =
      claims.length === 0
        ? ''
        : `, among them the ${claims.length === 1 ? 'claim' : 'claims'} ${claims.join(', ')}`;
    return `${counted(ours.length, 'object')}${among}`;
  });
  // What stays is named by the notes; here it is not among what is deleted.
  const namespaceStays =
    contents.known && contents.value.ours !== null
      ? !goesWhole(contents.value, found.keepsNamespace)
      : found.keepsNamespace;
  const of = namespaceStays ? `in the namespace ${product.namespace}, which stays` : product.namespace;
  const { dumpTo, keepData, deleteBackups } = choices;
  const dataText = `${storagePath ?? 'none'}${data.there ? `, ${formatBytes(data.bytes)}` : ''}`;
  const stays = heldByOthers || data.target !== undefined || (keepData && data.there);
  const asideText = putAside.map(({ path, bytes }) => `${path}, ${formatBytes(bytes)}`);
  const backupsText = `${counted(backups.names.length, 'backup')}, ${formatBytes(backups.bytes)}`;
  const keepsBackups = !deleteBackups && backups.names.length > 0;
  const deleted = files.ours.filter(
    (path) => !ofData(found).includes(path) && placeAfter(paths, path, choices) !== 'moved',
  );
  const line = (what: string, text: string) => `  ${what.padEnd(10)} ${text}`;
  return [
    `What is kept, in ${dumpTo}:`,
    ...(stays ? [line('data', `${dataText}: they stay where they are`)] : []),
    line('last dump', skipsBackup ? 'none (--skip-backup)' : dumpText(found)),
    ...(keepsBackups ? [line('backups', `${backupsText}: moved there`)] : []),
    ...(skipsBackup && !keepData
      ? []
      : asideText.map((text) => line('put aside', `${text}${keepData ? ': stays' : ': moved there'}`))),
    line('files', `${product.values.file}, the state and the logs of this installer`),
    cluster === undefined
      ? 'The cluster is left out. On this host this deletes:'
      : `On this host and in its cluster this deletes:`,
    ...(stays ? [] : [line('data', dataText)]),
    ...(keepData ? [] : [line('database', told(database, databaseText))]),
    ...(skipsBackup && !keepData ? asideText.map((text) => line('put aside', text)) : []),
    ...(keepsBackups || backups.names.length === 0 ? [] : [line('backups', backupsText)]),
    line('release', `${product.release}: ${told(release, (text) => text ?? 'none')}`),
    line(namespaceStays ? 'objects' : 'namespace', `${of}: ${objects}`),
    line('volume', told(volume, volumeText)),
    line('images', told(images, imagesText)),
    line('files', `${counted(deleted.length, 'path')} in ${product.folder}`),
    ...notes.map((note) => `  ${note}`),
  ];
}

type Found = UninstallDecision['found'];
type ValueOf<Asked> = Asked extends { known: true; value: infer T } ? T : never;

const databaseText = (of: ValueOf<Found['database']>): string =>
  of === null
    ? 'none'
    : `${formatBytes(of.sizeBytes)}, about ${counted(of.rows, 'row')}, schema version ${of.schema}`;

const imagesText = ({ ours }: ValueOf<Found['images']>): string => counted(ours.length, 'image');

function dumpText({ database, rollbackDump }: Found): string {
  if (rollbackDump !== undefined)
    return `${rollbackDump.path}, which the unfinished rollback took: moved there`;
  if (!database.known) return `not known: ${database.why}`;
  return database.value === null ? 'none: there is no database' : 'of the database as it is then';
}

const volumeText = (one: OwnedVolume | null): string =>
  one === null ? 'none' : `${one.name}${one.ours ? '' : ' (stays)'}`;
