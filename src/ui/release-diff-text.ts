import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { columns } from './format.ts';
import { notesLines } from './notes-text.ts';
import { printableRow } from './sanitize.ts';
import { wrapLine } from './wrap.ts';
import type { NamedChanges, ReleaseDiff, ReleaseFacts } from '../queries/release-diff-schema.ts';

/** Facts of both releases, in this order; equal ones are printed once. */
const facts: [name: string, of: (facts: ReleaseFacts) => string][] = [
  ['Release', ({ title, version }) => `${title} ${version}`],
  ['Schema', ({ schema }) => `${schema.target} (works with ${schema.min} or newer)`],
  ['PostgreSQL', ({ postgresMajor }) => String(postgresMajor)],
  ['Payload', ({ payloadBytes }) => formatBytes(payloadBytes)],
  ['Format', ({ format }) => format],
  ['Key', ({ key }) => key ?? 'unsigned'],
  ['Digest', ({ payloadDigest }) => `sha256:${payloadDigest.slice(0, 12)}`],
];

function factLines({ from, to }: ReleaseDiff, file: string): string[] {
  const rows = facts.map(([name, of]) => [name, of(from), of(from) === of(to) ? '(the same)' : of(to)]);
  return columns([['', `FROM ${file}`, 'TO THIS FILE'], ...rows]);
}

function imageLines({ images, newLayers, newBytes }: ReleaseDiff): string[] {
  const news = (image: { newLayers: number; newBytes: number }) => [
    counted(image.newLayers, 'new layer'),
    formatBytes(image.newBytes),
  ];
  const rows = [
    ...images.added.map((image) => ['+', image.reference, ...news(image)]),
    ...images.changed.map((image) => [
      '~',
      image.from === image.to ? image.to : `${image.from} -> ${image.to}`,
      ...news(image),
    ]),
    ...images.renamed.map(({ from, to }) => ['=', `${from} -> ${to}`, 'the same image']),
    ...images.removed.map(({ reference }) => ['-', reference]),
  ];
  const { added, changed, removed, renamed, unchanged } = images;
  const kept = unchanged.length + renamed.length;
  return [
    `Images: ${added.length} added, ${changed.length} changed, ${removed.length} removed, ` +
      `${kept} the same; ${counted(newLayers, 'new layer')}, ${formatBytes(newBytes)} new`,
    ...columns(rows, [3]).map((line) => `  ${line}`),
  ];
}

function nameLines(title: string, { added, changed, removed }: NamedChanges): string[] {
  return [
    `${title}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
    ...added.map((name) => `  +  ${name}`),
    ...changed.map((name) => `  ~  ${name}`),
    ...removed.map((name) => `  -  ${name}`),
  ];
}

function toolLines({ tools }: ReleaseDiff): string[] {
  return tools
    .filter(({ from, to, sameBytes }) => from !== to || !sameBytes)
    .map(({ name, from, to }) => `Tool ${name}: ${from ?? 'none'} -> ${to ?? 'none'}`);
}

function noteLines({ notes }: ReleaseDiff): string[] {
  if (notes.length === 0) return [];
  return ['', 'Release notes:', ...notesLines(notes).map((line) => `  ${line}`)].flatMap((line) =>
    line === '' ? [''] : wrapLine(line, 80),
  );
}

/** The comparison as text; `file` is the other file as it was typed. */
export function releaseDiffText(diff: ReleaseDiff, file: string): string[] {
  return [
    ...factLines(diff, file),
    '',
    ...imageLines(diff),
    ...nameLines('Chart files', diff.chart),
    ...nameLines('Other files', diff.files),
    ...nameLines('Archives', diff.archives),
    ...toolLines(diff),
    ...noteLines(diff),
  ].map(printableRow);
}
