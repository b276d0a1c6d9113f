import type { PlannedStep, RunPlan } from '../engine/run-plan.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { notesLines } from './notes-text.ts';
import { printableLine } from './sanitize.ts';
import { wrapLine } from './wrap.ts';

/** A plan as text, in lines of at most `columns`. */
export function planLines(plan: RunPlan, columns = 80): string[] {
  const { steps, room, notes, stake } = plan;
  const lines = [
    `${plan.product}, dry run of the ${plan.flow} ${versions(plan)}. Nothing was changed.`,
    ...(plan.run === null ? [] : [`It would resume the run ${plan.run}.`]),
    ...(stake.length === 0 ? [] : ['', ...stake, '']),
    ...notes.map((note) => `! ${note}`),
    ...(plan.rehearsed === null ? [] : [plan.rehearsed]),
    ...releaseNotesLines(plan, ''),
    ...steps.flatMap((step) => ['', ...stepLines(step)]),
    ...(room.length === 0 ? [] : ['', 'Free space', ...room.flatMap(roomLines)]),
    '',
    ...refusalLines(plan),
  ];
  return lines.flatMap((line) => wrapLine(printable(line), columns));
}

/** The same in a few lines, printed before the first step. */
export function planBrief(plan: RunPlan, columns = Infinity): string[] {
  const { steps, run } = plan;
  const count = (action: PlannedStep['action']) => steps.filter((step) => step.action === action).length;
  const parts = [
    `${counted(count('run'), 'step')} to run`,
    ...(count('done') === 0 ? [] : [`${count('done')} already done`]),
    ...(count('skip') === 0 ? [] : [`${count('skip')} with nothing to do`]),
  ];
  const lines = [
    `plan: ${parts.join(', ')}${run === null ? '' : ' (resuming)'}`,
    ...steps.flatMap(({ id, brief, notKnown }) => {
      if (notKnown !== undefined) return [`  ${id}: not known in advance: ${notKnown}`];
      return brief === undefined ? [] : [`  ${id}: ${brief}`];
    }),
    ...(plan.rehearsed === null ? [] : [`  ${plan.rehearsed}`]),
    ...releaseNotesLines(plan, '  '),
  ];
  return lines.flatMap((line) => wrapLine(printable(line), columns));
}

const releaseNotesLines = ({ releaseNotes }: RunPlan, indent: string): string[] =>
  releaseNotes.length === 0
    ? []
    : [
        ...(indent === '' ? [''] : []),
        `${indent}Release notes`,
        ...notesLines(releaseNotes).map((line) => `${indent}  ${line}`),
      ];

const versions = ({ from, to }: RunPlan): string =>
  from === null || from === to ? `of ${to}` : `${from} -> ${to}`;

function stepLines(step: PlannedStep): string[] {
  const { id, title, action, summary, why, notKnown, details } = step;
  if (action === 'done') return [`${id}: ${title}`, `  already done: ${summary}`];
  if (action === 'skip') return [`${id}: ${title}`, `  skipped: ${summary}`];
  return [
    `${id}: ${title}`,
    `  ${summary}`,
    ...(why === undefined ? [] : [`  runs again: ${why}`]),
    ...details.map((line) => `  ${line}`),
    ...(notKnown === undefined ? [] : [`  not known: ${notKnown}`]),
  ];
}

/** In front of what refuses the run; `!` marks what only deserves a look. */
const blocker = 'blocker: ';

function roomLines({ mountPoint, neededBytes, freeBytes, enough, what }: RunPlan['room'][number]): string[] {
  const free = freeBytes === null ? 'free space not known' : `${formatBytes(freeBytes)} free`;
  return [
    `  ${enough ? '' : blocker}${mountPoint}: ${formatBytes(neededBytes)} needed, ${free}`,
    ...(what === '' ? [] : [`      ${what}`]),
  ];
}

function refusalLines({ flow, refusals }: RunPlan): string[] {
  const [first] = refusals;
  if (first === undefined) return [`No blockers: the ${flow} would start.`];
  return [
    `The ${flow} would be refused with exit code ${first.exitCode}:`,
    ...refusals.flatMap(({ message, hint, exitCode }) => [
      `  ${blocker}${message}${exitCode === first.exitCode ? '' : ` (exit code ${exitCode})`}`,
      ...(hint === undefined ? [] : hint.split('\n').map((line) => `    try: ${line}`)),
    ]),
  ];
}

/** Leading blanks are layout and stay. */
const printable = (line: string): string => `${/^ */.exec(line)?.[0] ?? ''}${printableLine(line)}`;
