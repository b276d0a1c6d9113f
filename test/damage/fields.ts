import type { PayloadIndex } from '../../src/payload/format/index-schema.ts';
import { placedEntries } from '../../src/payload/format/entries.ts';
import type { Trailer } from '../../src/payload/format/trailer.ts';

/** Bytes [from, to) of a payload under the name that a reader calls them by. */
export interface Region {
  name: string;
  from: number;
  to: number;
}

/** One field of a header, of the index or of the trailer. */
export type Field = Region;

/** What the places in a file follow from. */
export interface Described {
  bytes: Buffer;
  index: PayloadIndex;
  trailer: Trailer;
  commentOffset: number;
}

/**
 * The complete file, region by region, without a gap: head, index.json, every entry with its header, zip
 * directory, trailer.
 */
export function regionsOf({ index, trailer, commentOffset }: Described): Region[] {
  const indexEnd = trailer.indexOffset + trailer.indexLength;
  return [
    { name: 'the executable itself', from: 0, to: index.headSize },
    { name: 'index.json', from: index.headSize, to: indexEnd },
    ...placedEntries(index, indexEnd).map(({ name, headerOffset, offset, size }) => ({
      name,
      from: headerOffset,
      to: offset + size,
    })),
    { name: 'the zip directory', from: index.chunks.coveredEnd, to: commentOffset },
    { name: 'the trailer', from: commentOffset, to: trailer.fileSize },
  ];
}

/** Names and lengths of the fixed fields of the three records, as in FORMAT.md. */
const localFields = { signature: 4, version: 2, flags: 2, method: 2, time: 2, date: 2, crc32: 4 } as const;
const sizes = { 'compressed size': 4, size: 4, 'name length': 2, 'extra length': 2 } as const;
const centralFields = {
  signature: 4,
  'made by': 2,
  version: 2,
  flags: 2,
  method: 2,
  time: 2,
  date: 2,
  crc32: 4,
  ...sizes,
  'comment length': 2,
  disk: 2,
  'internal attributes': 2,
  'external attributes': 4,
  'header offset': 4,
} as const;
const endFields = {
  signature: 4,
  disk: 2,
  'directory disk': 2,
  'entries here': 2,
  entries: 2,
  'directory length': 4,
  'directory offset': 4,
  'comment length': 2,
} as const;

function placed(prefix: string, at: number, fields: Record<string, number>): Field[] {
  let from = at;
  return Object.entries(fields).map(([name, length]) => {
    const field = { name: `${prefix}: ${name}`, from, to: from + length };
    from = field.to;
    return field;
  });
}

function localHeaderFields(name: string, from: number, offset: number): Field[] {
  const extra = from + 30 + name.length;
  return [
    ...placed(`local header of ${name}`, from, { ...localFields, ...sizes, name: name.length }),
    ...(extra === offset
      ? []
      : [
          ...placed(`padding of ${name}`, extra, { id: 2, length: 2 }),
          { name: `padding of ${name}: zeros`, from: extra + 4, to: offset },
        ]),
  ].filter(({ from, to }) => from < to);
}

/** Every field of every header, of the end record and of the trailer, and every token of index.json. */
export function fieldsOf(described: Described): Field[] {
  const { bytes, index, trailer, commentOffset } = described;
  const fields = localHeaderFields('index.json', index.headSize, trailer.indexOffset);
  for (const entry of placedEntries(index, trailer.indexOffset + trailer.indexLength))
    fields.push(...localHeaderFields(entry.name, entry.headerOffset, entry.offset));
  let at = index.chunks.coveredEnd;
  for (const name of ['index.json', ...index.entries.map((entry) => entry.name)]) {
    fields.push(...placed(`central header of ${name}`, at, { ...centralFields, name: name.length }));
    at += 46 + name.length;
  }
  fields.push(...placed('end record', at, endFields));
  if (at + 22 !== commentOffset) throw new Error('the fields of the directory do not fill it');
  const { indexOffset, indexLength } = trailer;
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d+|[{}[\],:]| +/g;
  for (const { 0: token, index: place } of bytes
    .toString('latin1', indexOffset, indexOffset + indexLength)
    .matchAll(tokens))
    fields.push({
      name: `index.json: ${token.slice(0, 40)}`,
      from: indexOffset + place,
      to: indexOffset + place + token.length,
    });
  for (const { 0: word, index: place } of bytes.toString('latin1', commentOffset).matchAll(/[^ \n]+|[ \n]/g))
    fields.push({
      name: `trailer: ${JSON.stringify(word.slice(0, 40))}`,
      from: commentOffset + place,
      to: commentOffset + place + word.length,
    });
  return fields;
}
