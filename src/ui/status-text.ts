import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { RunRecord, State, StepRecord } from '../engine/state.ts';
import type { Known } from '../known.ts';
import { rehearsalSentence, unendedSentence } from '../policy/rehearsal-text.ts';
import type { StatusReport } from '../queries/status-schema.ts';
import { counted } from '../policy/counted.ts';
import { keptText } from '../policy/kept-text.ts';
import { runEnd } from '../policy/run-end.ts';
import { schemaDueText } from '../policy/schema-due.ts';
import { signedBy } from '../policy/trust.ts';
import { sameRecordedVersion } from '../version.ts';
import { otherOnPathText } from '../policy/other-on-path.ts';
import { columns, formatAge, formatDuration } from './format.ts';
import { shortId, shortImage } from './short-digest.ts';
import { textWidth } from './width.ts';
import { tableRows, wrapLine } from './wrap.ts';
import { printableRow } from './sanitize.ts';

/**
 * The status as text. Tables fit the screen's `width`; commands and files are not wrapped, to be pasted.
 */
export function statusLines(report: StatusReport, width = Infinity): string[] {
  const table = (rows: readonly (readonly string[])[]) => columns(rows, [], width - 2);
  const lines = [
    ...answerLines(report),
    '',
    ...section('', stateLines(report, table)),
    ...(report.host === null ? [] : section('found on this host', hostLines(report.host))),
    ...(report.keptData.known && report.keptData.value.length === 0
      ? []
      : section('data that were kept', known(report.keptData, keptLines))),
    ...(report.waysOut === null || report.waysOut.back.length === 0
      ? []
      : section('the way back', report.waysOut.back)),
    ...section(
      'backups',
      known(report.backups, (backups) => backupLines(backups, width - 2)),
    ),
    ...section('paths in the state (derived keys)', derivedLines(report)),
    ...section('values overlay', known(report.overlay, overlayLines)),
    ...section('cluster', [
      ...known(report.release, (release) => [
        release === null
          ? 'no Helm release'
          : `Helm release: ${release.version ?? 'version not readable'}, ` +
            `revision ${release.revision}, ${release.status}`,
      ]),
      ...(report.halted.known ? haltedLines(report.halted.value) : []),
      ...(report.release.known ? known(report.pods, (pods) => podLines(pods, width - 2)) : []),
    ]),
    ...databaseLines(report),
    ...section('health', healthLines(report, table)),
  ];
  // Pods, files and records hold foreign text, which must not control the terminal.
  return lines.map(printableRow);
}

function healthText({ upgrade: { installed, healthy } }: StatusReport): string {
  if (installed === false) return 'nothing is installed';
  return healthy === null ? 'not known' : healthy ? 'ok' : 'NOT OK';
}

/** As the second line: where something is known to be wrong, routes that were not asked change nothing. */
function healthLines(report: StatusReport, table: Table): string[] {
  const { health, upgrade } = report;
  if (upgrade.installed === false) return [healthText(report)];
  if (!health.known && upgrade.healthy === false) {
    const asked = known(health, () => []).map((line) => line.replace(/^not known: /, 'routes not asked: '));
    return [`NOT OK: ${upgrade.unhealthy[0] ?? ''}`, ...asked];
  }
  return known(health, (routes) =>
    table(routes.map(({ title, path, healthy, answer }) => [title, path, healthy ? 'ok' : 'NOT OK', answer])),
  );
}

/** Two lines: whether an upgrade may start, and what is asked for first; then each further reason. */
export function answerLines(report: StatusReport): string[] {
  const { may, why, hint } = report.upgrade;
  const [first = 'nothing that this command sees stands against it', ...more] = why;
  const command = hint === null ? '' : `; try: ${hint}`;
  const { state, schema } = report;
  const { run, suspended, installed = suspended?.installed } = (state.known ? state.value : null) ?? {};
  const lastRun =
    run === undefined ? 'none' : `${run.flow} ${run.to}, ${runEnd(run, report.running !== null)}`;
  const facts = [
    !state.known
      ? 'installed: not known'
      : installed === undefined
        ? 'no completed install'
        : `${installed.version} installed, complete`,
    `last run: ${!state.known ? 'not known' : lastRun}`,
    `dump: ${dumpAge(report)}`,
    `schema: ${schema === null || !schema.known ? 'not known' : schemaText(schema.value)}`,
    `health: ${healthText(report)}`,
  ];
  const also = more.map((reason) => `  also against an upgrade: ${reason}`);
  return [`may I upgrade? ${may}: ${first}${command}`, facts.join('; '), ...also];
}

function dumpAge({ state, latestDump, at }: StatusReport): string {
  if (!state.known) return 'not known';
  if (latestDump === null) return 'none';
  const ageMs = Date.parse(at) - Date.parse(latestDump.takenAt);
  // A clock that was set back makes no age.
  const age = ageMs >= 0 ? `${formatAge(ageMs)} old` : `of ${toSeconds(latestDump.takenAt)}`;
  const proved = latestDump.verified === undefined ? '' : ', backup verified by restore';
  return latestDump.there ? `${age}${proved}` : `${age}, its file is missing now`;
}

const schemaText = ({ version, target }: { version: number; target: number | null }) =>
  target === null || version >= target ? String(version) : `${version} of ${target}`;

/** Paths that completed steps have recorded, by their keys; never cut, to be pasted. */
function derivedLines({ state }: StatusReport): string[] {
  const isPath = (value: unknown): value is string => typeof value === 'string' && value.startsWith('/');
  const rows = Object.entries((state.known ? state.value?.derived : undefined) ?? {}).flatMap(
    ([key, value]): [string, string][] => {
      if (isPath(value)) return [[key, value]];
      if (typeof value !== 'object' || value === null) return [];
      return Object.entries(value).flatMap(([member, path]) =>
        isPath(path) ? [[`${key}.${member}`, path] as [string, string]] : [],
      );
    },
  );
  return columns(rows);
}

function section(title: string, lines: readonly string[]): string[] {
  if (title === '') return [...lines];
  return ['', `${title}:`, ...(lines.length === 0 ? ['  none'] : lines.map((line) => `  ${line}`))];
}

type Value<Asked> = Asked & { known: true } extends { value: infer T } ? T : never;

function known<T>(part: Known<T>, lines: (value: T) => string[]): string[] {
  if (part.known) return lines(part.value);
  return [`not known: ${part.why}`, ...(part.hint === undefined ? [] : [`  try: ${part.hint}`])];
}

type Table = (rows: readonly (readonly string[])[]) => string[];

function stateLines(report: StatusReport, table: Table): string[] {
  const head = [`${report.title}, version of this executable: ${report.payloadVersion}`];
  const { state } = report;
  if (!state.known) return [...head, `state not known: ${state.why}`];
  if (state.value === null) return [...head, 'no state'];
  const { run, suspended, installed = suspended?.installed } = state.value;
  const lines = [
    ...head,
    ...(installed === undefined
      ? ['no completed install', ...partLines(state.value)]
      : [`installed: ${installed.version}, completed ${toSeconds(installed.completedAt)}`]),
    ...(installed === undefined || report.onPath === null
      ? []
      : [`  ${otherOnPathText(report.onPath, installed.version)}`]),
    ...(installed?.key === undefined ? [] : [`  ${signedBy(installed.key)}`]),
    ...(installed?.waived ?? []).map(({ step, reason }) => `  not verified: ${step} was waived (${reason})`),
  ];
  return [
    ...lines,
    ...repairLines(state.value),
    ...restoredLines(state.value),
    ...dataFolderLines(state.value),
    ...rehearsedLines(state.value),
    ...(run === undefined ? [] : runLines(run, report, table)),
    ...skippedLines(report),
    ...waiverLines(state.value),
    ...trustedLines(state.value),
  ];
}

function restoredLines({ restored }: State): string[] {
  if (restored === undefined) return [];
  const { at, by: who, undo, dump, moved, discardedAt, chartOnly, version } = restored;
  const what = undo
    ? 'the restore before it was taken back'
    : chartOnly === true
      ? `chart and values of ${version} alone`
      : `from ${String(dump?.['path'] ?? '')}`;
  const all = [restored, ...(restored.earlier ?? []).toReversed()];
  const aside = all.filter((one) => one.moved !== null && one.discardedAt === undefined);
  const foldersAside = all.flatMap(({ folder, run, at: when }) =>
    folder == null ? [] : [{ path: folder.path, run, at: when }],
  );
  const isGone = moved !== null && discardedAt !== undefined;
  return [
    `restored: ${toSeconds(at)}${by(who)}, ${what}`,
    ...(isGone ? [`  the database from before was discarded ${toSeconds(discardedAt)}`] : []),
    ...foldersAside.map((one) =>
      one.run === restored.run
        ? `  the data folder from before is ${one.path}: "restore --undo" brings it back`
        : `  the one from before the restore of ${toSeconds(one.at)} is ${one.path}: ` +
          `"restore --undo ${basename(one.path)}" brings it back`,
    ),
    ...aside.map((one) =>
      one.run === restored.run
        ? `  the database from before is ${one.moved}: "restore --undo" brings it back, ` +
          '"restore --discard" deletes it'
        : `  the one from before the restore of ${toSeconds(one.at)} is ${one.moved}: ` +
          `"restore --undo ${one.moved}" brings it back`,
    ),
  ];
}

/** Nobody but an operator removes them. */
const dataFolderLines = ({ dataFolders = [] }: State): string[] =>
  dataFolders
    .filter(({ path }) => existsSync(path))
    .map(({ path, major, version }) => `data folder of ${version}, PostgreSQL ${major}, kept: ${path}`);

function rehearsedLines({ rehearsed, rehearsing, unendedRehearsal, installed }: State): string[] {
  const left =
    rehearsing === undefined
      ? []
      : [`a rehearsal of ${toSeconds(rehearsing.at)} has left ${rehearsing.name}: the next run removes it`];
  const head = (one: Pick<NonNullable<State['rehearsed']>, 'at' | 'by' | 'from' | 'to'>) =>
    `rehearsed: ${one.from} -> ${one.to}, ${toSeconds(one.at)}${by(one.by)}`;
  const isOver = sameRecordedVersion(unendedRehearsal?.to ?? null, installed?.version ?? null);
  return [
    ...(rehearsed === undefined ? [] : [head(rehearsed), `  ${rehearsalSentence(rehearsed)}`]),
    ...(unendedRehearsal === undefined || isOver
      ? []
      : [head(unendedRehearsal), `  ${unendedSentence(unendedRehearsal)}`]),
    ...left,
  ];
}

function runLines(run: RunRecord, { running, waysOut, halted }: StatusReport, table: Table): string[] {
  const versions = run.from === null ? run.to : `${run.from} -> ${run.to}`;
  const status = runEnd(run, running !== null);
  const ways = running === null ? waysOut : null;
  return [
    '',
    `last run: ${run.flow} ${versions}, ${status}, started ${toSeconds(run.startedAt)}${by(run.startedBy)}`,
    ...table(run.order.map((id) => [id, ...stepCells(run.steps[id], running !== null)])).map(
      (line) => `  ${line}`,
    ),
    ...(run.error === undefined || run.status === 'completed' ? [] : [`  error: ${run.error.message}`]),
    ...(ways === null ? [] : forwardLines(ways, halted.known ? halted.value : null)),
    ...(waysOut?.log == null ? [] : [`  log: ${waysOut.log}`]),
  ];
}

function forwardLines(
  { forward, nothingRemoved, instead }: NonNullable<StatusReport['waysOut']>,
  halted: Value<StatusReport['halted']>,
): string[] {
  if (!nothingRemoved) return forward === null ? [] : [`  to resume: ${forward}`];
  return [
    halted?.start != null
      ? `  nothing was removed; to start the product again: ${halted.start}`
      : instead === null
        ? '  nothing was removed'
        : `  nothing was removed, and an upgrade may be run: ${instead}`,
    ...(forward === null ? [] : [`  to uninstall it all the same: ${forward}`]),
  ];
}

/** What of an install is there that has not completed; while a rollback runs, what it has not undone yet. */
function partLines({ run, suspended }: State): string[] {
  const install = suspended ?? run;
  if (install?.flow !== 'install') return [];
  const done = install.order.filter((id) => install.steps[id]?.status === 'completed');
  return [
    done.length === 0
      ? `nothing of ${install.to} is installed`
      : `partly installed: ${done.join(', ')} of ${install.to}`,
    ...(install.rollbacks ?? []).slice(-1).map(rolledBackText),
  ];
}

function rolledBackText({ to, at, by: who, kept }: NonNullable<RunRecord['rollbacks']>[number]): string {
  const { pgDump, removedData } = kept as { pgDump?: { path: string }; removedData?: { to: string } };
  const left = [
    ...(pgDump === undefined ? [] : [`last dump ${pgDump.path}`]),
    ...(removedData === undefined ? [] : [`the database's folder is ${removedData.to}`]),
  ];
  return `rolled back to ${to}, ${toSeconds(at)}${by(who)}${left.map((text) => `; ${text}`).join('')}`;
}

function repairLines({ repair }: State): string[] {
  if (repair === undefined) return [];
  const unknown = repair.unknown.length === 0 ? '' : `; not known: ${repair.unknown.join(', ')}`;
  return [`state repaired ${repair.at}${by(repair.by)}${unknown}`];
}

const hostLines = ({ facts, advice }: NonNullable<StatusReport['host']>): string[] => [
  ...facts,
  advice.message,
  `try: ${advice.hint}`,
];

const keptLines = (kept: Value<StatusReport['keptData']>): string[] =>
  kept.flatMap(({ folder, use, delete: remove, ...about }) => [
    `data are kept in ${folder} (${keptText(about)})`,
    use === null ? '  the installed release does not use them' : `  to use them: ${use}`,
    `  to delete them: ${remove}`,
  ]);

/** An ISO 8601 time without fractions of a second. */
const toSeconds = (at: string) => at.replace(/\.\d+Z$/, 'Z');
const by = (who: string | undefined) => (who === undefined ? '' : ` by ${who}`);

function stepCells(step: StepRecord | undefined, isRunning: boolean): string[] {
  if (step === undefined) return ['not started', '', ''];
  const took =
    step.finishedAt === undefined
      ? ''
      : formatDuration(Date.parse(step.finishedAt) - Date.parse(step.startedAt));
  const waived = step.waived === undefined ? '' : `waived, not verified: ${step.waived}`;
  const status = step.status === 'running' && !isRunning ? 'cut off' : step.status;
  return [status, toSeconds(step.startedAt), took, step.reason ?? waived];
}

/**
 * Only for the last run, while it has no dump: a skipped dump of an earlier run does not affect its way back.
 */
function skippedLines({ skippedBackup }: StatusReport): string[] {
  if (skippedBackup === null) return [];
  const { from, to, at, by: who } = skippedBackup;
  return [`no dump of this upgrade: ${from ?? 'none'} -> ${to}, --skip-backup${by(who)}, ${at}`];
}

const waiverLines = ({ waivers }: State): string[] =>
  waivers.map(({ id, reason, at, by: who }) => `waived: ${id} (${reason})${by(who)}, ${at}`);

const trustedLines = ({ trusted = [] }: State): string[] =>
  trusted.map(
    ({ from, to = null, how, at, by: who }) =>
      `key accepted (${how}): ` +
      `${signedBy(to)}${from === undefined ? '' : `, after ${signedBy(from)}`}${by(who)}, ` +
      `${at}`,
  );

const backupLines = (backups: Value<StatusReport['backups']>, width: number): string[] =>
  backups.flatMap(({ folder, files, trouble }) =>
    trouble === undefined
      ? [folder, ...wrapLine(`  ${files.join(', ') || 'empty'}`, width)]
      : [`${folder}: ${trouble}`],
  );

const schemaLines = ({
  version,
  target,
  helmByHand,
}: (NonNullable<StatusReport['schema']> & { known: true })['value']): string[] => [
  (target === null ? undefined : schemaDueText(version, target)) ?? `the schema is at version ${version}`,
  ...(helmByHand === null ? [] : [`to apply a changed values file with Helm: ${helmByHand}`]),
];

function databaseLines({ schema, schemaVerdict, release }: StatusReport): string[] {
  const verdict =
    schemaVerdict === null
      ? []
      : [`since Helm first started (asked ${toSeconds(schemaVerdict.at)}): ${schemaVerdict.text}`];
  const now = schema === null || !release.known ? [] : known(schema, schemaLines);
  return verdict.length + now.length === 0 ? [] : section('database', [...now, ...verdict]);
}

const overlayLines = (overlay: { path: string; text: string } | null): string[] =>
  overlay === null ? [] : [overlay.path, ...overlay.text.trimEnd().split('\n')];

const haltedLines = (halted: Value<StatusReport['halted']>): string[] =>
  halted === null ? [] : [halted.text, ...(halted.start === null ? [] : [`  to start it: ${halted.start}`])];

/** Images are in the row where they fit, otherwise below it: a cut name cannot be copied. */
function podLines(pods: Value<StatusReport['pods']>, width: number): string[] {
  const rows = pods.map(({ name, ready, phase, restarts, images }) => ({
    cells: [name, ready ? 'ready' : phase, restarts === 0 ? '' : counted(restarts, 'restart')],
    images: images.map(({ image, imageId }) => `${shortImage(image)} (${shortId(imageId)})`),
  }));
  const wide = columns(rows.map(({ cells, images }) => [...cells, images.join(', ')]));
  const fits = wide.every((line) => textWidth(line) <= width);
  const heads = tableRows(
    rows.map(({ cells }) => cells),
    { width },
  );
  // Reasons are sentences, too long for a table cell.
  return pods.flatMap(({ trouble }, at) => [
    ...(fits
      ? [wide[at] ?? '']
      : [
          ...(heads[at] ?? []),
          ...(rows[at]?.images ?? []).flatMap((image) => wrapLine(`  ${image}`, width)),
        ]),
    ...trouble.flatMap((line) => wrapLine(`  ${line}`, width)),
  ]);
}
