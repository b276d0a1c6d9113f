import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { columns } from './format.ts';
import { notesLines } from './notes-text.ts';
import { shortId } from './short-digest.ts';
import { printableRow } from './sanitize.ts';
import { wrapLine } from './wrap.ts';
import type { ManifestArchive, ManifestImage, ManifestReport } from '../queries/manifest-schema.ts';

const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

const stateText: Record<ManifestArchive['state'], string> = {
  same: 'same',
  matches: 'matches (contents not read)',
  different: 'different',
  missing: 'missing',
  unknown: 'unknown',
  unreadable: 'not readable',
};

function archiveState({ state, detail }: ManifestArchive): string {
  return detail === undefined || state === 'matches' ? stateText[state] : `${stateText[state]}: ${detail}`;
}

function heading(report: ManifestReport): string[] {
  return columns([
    ['Product', `${report.title} ${report.version}`],
    [
      'Payload',
      `${formatBytes(report.payloadBytes)} behind an executable of ` +
        `${formatBytes(report.headBytes)}, format ${report.format}`,
    ],
    ['Key', report.key ?? 'unsigned'],
    ['Digest', `sha256:${report.payloadDigest}`],
  ]);
}

const notAnswered = 'no answer';

function inContainerd({ containerd, pinned }: ManifestImage): string {
  if (containerd === 'unknown') return notAnswered;
  return containerd === 'same' && pinned === false ? 'same, not pinned' : containerd;
}

const clusterText: Record<ManifestImage['cluster'], string> = {
  runs: 'runs',
  other: 'other image',
  none: '-',
  unknown: notAnswered,
};

function imageLines({ images }: ManifestReport, summary: boolean): string[] {
  const rows = images.map((image) => {
    const size = formatBytes(image.sizeBytes);
    const onHost = [inContainerd(image), clusterText[image.cluster]];
    if (summary) return [image.reference, size, ...onHost];
    const { reference, platform, imageId, layers } = image;
    return [reference, platform, imageId, String(layers), size, formatBytes(image.uniqueBytes), ...onHost];
  });
  const onHost = ['IN CONTAINERD', 'IN CLUSTER'];
  return summary
    ? columns([['IMAGE', 'SIZE', ...onHost], ...rows], [1])
    : columns([['IMAGE', 'PLATFORM', 'IMAGE ID', 'LAYERS', 'SIZE', 'UNIQUE', ...onHost], ...rows], [3, 4, 5]);
}

/** The reasons for empty columns, each once. */
function unknownLines({ unknown }: ManifestReport): string[] {
  const { containerd, cluster } = unknown;
  if (containerd !== undefined && containerd === cluster)
    return [`containerd and the cluster were not compared: ${containerd}`];
  return [
    ...(containerd === undefined ? [] : [`containerd was not compared: ${containerd}`]),
    ...(cluster === undefined ? [] : [`the cluster was not compared: ${cluster}`]),
  ];
}

/** Images that not every host gets, and why. */
function licenceLines({ images }: ManifestReport): string[] {
  const listed = (wanted: boolean | null) =>
    images.flatMap(({ reference, licence }) => {
      if (licence === null || licence.granted !== wanted) return [];
      return [`  ${reference} (${licence.entitlements.join(' or ') || 'no entitlement brings it'})`];
    });
  const [leftOut, depending] = [listed(false), listed(null)];
  return [
    ...(leftOut.length === 0
      ? []
      : ['Left out, because the installed licence does not grant them:', ...leftOut]),
    ...(depending.length === 0 ? [] : ['Loaded only where the licence grants them:', ...depending]),
  ];
}

function loadLines({ load, unknown, noUpgrade }: ManifestReport): string[] {
  if (noUpgrade !== undefined) return [`An upgrade would load nothing: ${noUpgrade}.`];
  if (load === null) {
    const isSaid = unknown.load === unknown.containerd;
    return [`What an upgrade would load is not known${isSaid ? '' : `: ${unknown.load}`}.`];
  }
  const all = load.counted === 'licence' ? '' : ' (all connectors counted, the licence is not known)';
  if (load.images.length === 0) return [`An upgrade would load none of ${load.wanted} images${all}.`];
  return [
    `An upgrade would load ${load.images.length} of ${load.wanted} images${all}:`,
    `  ${formatBytes(load.bytes)} missing in containerd, ` +
      `${formatBytes(load.unpackedBytes)} more when unpacked`,
  ];
}

/** Running images that are not the payload's. */
function runningLines({ running }: ManifestReport): string[] {
  const others = (running ?? []).filter(({ image }) => image === null);
  if (others.length === 0) return [];
  const rows = others.map(({ reference, imageId, pods }) => [reference, shortId(imageId), pods.join(', ')]);
  return ['', ...columns([['RUNS IN CLUSTER', 'IMAGE ID', 'PODS'], ...rows])];
}

function archiveLines(report: ManifestReport): string[] {
  const rows = report.archives.map((archive) => [
    archive.name,
    counted(archive.images.length, 'image'),
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
      ? ['', 'To update the archives on disk to this release:', ...indented(differing)]
      : []),
    ...(missing.length > 0
      ? [
          '',
          'To write the missing archives to disk (without them, images are read from this executable):',
          ...indented(missing),
        ]
      : []),
  ];
}

/** What an operator should read before an upgrade; nothing where the file has no notes of newer releases. */
function releaseNotesLines({ notes: { after, releases } }: ManifestReport): string[] {
  if (releases.length === 0) return [];
  const since = after === null ? 'all that this file has' : `newer than the installed ${after}`;
  return ['', `Release notes (${since}):`, ...indented(notesLines(releases))].flatMap((line) =>
    line === '' ? [''] : wrapLine(line, 80),
  );
}

/** The report as text; `summary` leaves out files, image IDs and other running images. */
export function manifestText(report: ManifestReport, summary: boolean): string[] {
  return [
    ...heading(report),
    '',
    ...imageLines(report, summary),
    ...unknownLines(report).flatMap((line) => wrapLine(line, 80)),
    ...loadLines(report),
    ...licenceLines(report),
    ...(summary ? [] : runningLines(report)),
    '',
    ...archiveLines(report),
    ...(summary ? [] : ['', ...fileLines(report)]),
    ...refreshLines(report),
    ...releaseNotesLines(report),
  ].map(printableRow);
}
