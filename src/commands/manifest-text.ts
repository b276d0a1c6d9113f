import { formatBytes } from '../policy/format-bytes.ts';
import { columns } from '../ui/format.ts';
import type { ManifestArchive, ManifestReport } from './manifest-report.ts';

const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

const stateWords: Record<ManifestArchive['state'], string> = {
  same: 'same',
  matches: 'matches (contents not read)',
  different: 'different',
  missing: 'missing',
  unknown: 'unknown',
  unreadable: 'not readable',
};

function archiveState({ state, detail }: ManifestArchive): string {
  return detail === undefined || state === 'matches' ? stateWords[state] : `${stateWords[state]}: ${detail}`;
}

function heading(report: ManifestReport): string[] {
  return columns([
    ['Product', `${report.title} ${report.version}`],
    [
      'Payload',
      `${formatBytes(report.payloadBytes)} behind an executable of ${formatBytes(report.headBytes)}, format ${report.format}`,
    ],
    ['Digest', `sha256:${report.payloadDigest}`],
  ]);
}

/** The first 12 digits of an image ID, as container tools shorten it. */
const shortId = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

function imageLines(report: ManifestReport, summary: boolean): string[] {
  const rows = report.images.map((image) => {
    const size = formatBytes(image.sizeBytes);
    const containerd = image.containerd === 'unknown' ? '-' : image.containerd;
    if (summary) return [image.reference, shortId(image.imageId), size, containerd];
    return [image.reference, image.platform, image.imageId, String(image.layers), size, containerd];
  });
  return summary
    ? columns([['IMAGE', 'IMAGE ID', 'SIZE', 'IN CONTAINERD'], ...rows], [2])
    : columns([['IMAGE', 'PLATFORM', 'IMAGE ID', 'LAYERS', 'SIZE', 'IN CONTAINERD'], ...rows], [3, 4]);
}

function archiveLines(report: ManifestReport): string[] {
  const rows = report.archives.map((archive) => [
    archive.name,
    plural(archive.images.length, 'image'),
    formatBytes(archive.sizeBytes),
    archiveState(archive),
  ]);
  return columns([['ARCHIVE', 'HOLDS', 'SIZE', 'ON DISK'], ...rows], [2]);
}

function fileLines(report: ManifestReport): string[] {
  const rows = report.files.map(({ name, sizeBytes }) => [name, formatBytes(sizeBytes)]);
  return columns([['FILE', 'SIZE'], ...rows], [1]);
}

function refreshLines(report: ManifestReport): string[] {
  const commands = (states: readonly string[]) =>
    report.refresh.filter(({ why }) => states.includes(why)).map(({ command }) => command);
  const differing = commands(['different', 'unknown']);
  const missing = commands(['missing']);
  return [
    ...(differing.length > 0
      ? ['', 'To bring the archives on disk to this release:', ...indented(differing)]
      : []),
    ...(missing.length > 0
      ? [
          '',
          'To put the missing archives on disk (without them, images come from this executable):',
          ...indented(missing),
        ]
      : []),
  ];
}

/** The report as lines for a person; `summary` leaves out the files and shortens image IDs. */
export function manifestText(report: ManifestReport, summary: boolean): string[] {
  const { containerdUnknown } = report;
  return [
    ...heading(report),
    '',
    ...imageLines(report, summary),
    ...(containerdUnknown === undefined ? [] : [`containerd was not compared: ${containerdUnknown}`]),
    '',
    ...archiveLines(report),
    ...(summary ? [] : ['', ...fileLines(report)]),
    ...refreshLines(report),
  ];
}
