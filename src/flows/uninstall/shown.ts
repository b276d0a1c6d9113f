import type { Known } from '../../known.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import type { Product } from '../../payload/product-schema.ts';
import { goesWhole, type OwnedVolume, removedOf } from '../../release/ours.ts';
import type { UninstallDecision } from './decision.ts';

/** What an uninstall would delete and keep, as it is shown before the name has to be typed. */
export function shownLines(
  product: Product,
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
    const among = claims.length === 0 ? '' : `, among them the claims ${claims.join(', ')}`;
    return `${counted(ours.length, 'object')}${among}`;
  });
  // What stays is named by the notes; here it is not among what is deleted.
  const namespaceStays =
    contents.known && contents.value.ours !== null
      ? !goesWhole(contents.value, found.keepsNamespace)
      : found.keepsNamespace;
  const of = namespaceStays ? `in the namespace ${product.namespace}, which stays` : product.namespace;
  const kept = choices.keepData ? ' (kept)' : '';
  return [
    cluster === undefined
      ? 'The cluster is left out. On this host this deletes:'
      : `On this host and in its cluster this deletes:`,
    `  release    ${product.release}: ${told(release, (text) => text ?? 'none')}`,
    `  ${namespaceStays ? 'objects  ' : 'namespace'}  ${of}: ${objects}`,
    `  volume     ${told(volume, volumeText)}`,
    `  data       ${storagePath ?? 'none'}${data.there ? `, ${formatBytes(data.bytes)}` : ''}` +
      (heldByOthers || data.target !== undefined ? ' (stays)' : kept),
    ...putAside.map(
      ({ path, bytes }) =>
        `  put aside  ${path}, ${formatBytes(bytes)}` +
        (choices.keepData ? kept : skipsBackup ? '' : ', which is moved'),
    ),
    `  database   ${told(database, (of) =>
      of === null
        ? 'none'
        : `${formatBytes(of.sizeBytes)}, about ${counted(of.rows, 'row')}, schema version ${of.schema}`,
    )}${kept}`,
    `  images     ${told(images, ({ ours }) => counted(ours.length, 'image'))}`,
    `  files      ${counted(files.ours.length, 'path')} in ${product.folder}`,
    `  backups    ${counted(backups.names.length, 'backup')}, ${formatBytes(backups.bytes)}` +
      (choices.deleteBackups ? '' : ', which are moved'),
    `What is kept goes to ${choices.dumpTo}`,
    ...notes.map((note) => `  ${note}`),
  ];
}

const volumeText = (one: OwnedVolume | null): string =>
  one === null ? 'none' : `${one.name}${one.ours ? '' : ' (stays)'}`;
