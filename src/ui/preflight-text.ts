import type { EngineEvent } from '../engine/events.ts';
import { counted } from '../policy/counted.ts';
import type { Painter } from './paint.ts';
import { outputLines } from './output-lines.ts';
import { printableLine } from './sanitize.ts';
import { tableRows, wrapLine } from './wrap.ts';

type Report = Extract<EngineEvent, { type: 'preflight.report' }>;
type Result = Report['results'][number];

const labels = { ok: 'ok', warn: 'warn', fail: 'FAIL', waived: 'waived' } as const;
const paints = { ok: 'green', warn: 'yellow', fail: 'red', waived: 'yellow' } as const;

/** A status's label is first in its line, so that it can be coloured after the line is laid out. */
const statusWidth = 8;
const indent = ' '.repeat(statusWidth);

export interface PreflightView {
  /** Columns of the screen. */
  width: number;
  paint: Painter;
  /** Every check as a row of a table; otherwise only those that are not ok. */
  all: boolean;
}

/** Preflight's report: one line of counts, and the checks that are not ok with their details. */
export function preflightLines({ results }: Report, { width, paint, all }: PreflightView): string[] {
  const painted = ([first = '', ...rest]: readonly string[], { status }: Result): string[] => [
    first.startsWith(labels[status])
      ? paint(labels[status], paints[status]) + first.slice(labels[status].length)
      : first,
    ...rest,
  ];
  const heads = all ? table(results, width) : results.map((result) => sentence(result, width));
  const shown = results.flatMap((result, at) =>
    all || result.status !== 'ok'
      ? [...painted(heads[at + (all ? 1 : 0)] ?? [], result), ...details(result, width)]
      : [],
  );
  return all ? [...(heads[0] ?? []), ...shown, countLine(results)] : [countLine(results), ...shown];
}

/** `24 checks ok`, and how many are not. */
function countLine(results: readonly Result[]): string {
  const count = (status: Result['status']) => results.filter((result) => result.status === status).length;
  const [ok, warn, waived, fail] = [count('ok'), count('warn'), count('waived'), count('fail')];
  return [
    `${counted(ok, 'check')} ok`,
    ...(warn === 0 ? [] : [counted(warn, 'warning')]),
    ...(waived === 0 ? [] : [`${waived} waived`]),
    ...(fail === 0 ? [] : [`${fail} FAILED`]),
  ].join(', ');
}

function table(results: readonly Result[], width: number): string[][] {
  const rows = results.map(({ id, status, measured, limit }) =>
    [labels[status], id, measured, limit].map(printableLine),
  );
  return tableRows([['STATUS', 'CHECK', 'MEASURED', 'LIMIT'], ...rows], { width });
}

const sentence = ({ id, status, measured, limit }: Result, width: number): string[] =>
  hanging(
    `${labels[status].padEnd(statusWidth)}${printableLine(`${id}: ${measured} (limit: ${limit})`)}`,
    width,
  );

function details(result: Result, width: number): string[] {
  if (result.status === 'ok') return [];
  const lines = [`why: ${printableLine(result.why)}`];
  if (result.tolerated === true) lines.push('this does not stop the run, which may fix it');
  if (result.waiver !== undefined) lines.push(`waived: ${printableLine(result.waiver)}`);
  if (result.fix !== undefined) lines.push(`fix: ${printableLine(result.fix)}`);
  if (result.output !== undefined) lines.push(...outputLines(result.output).slice(0, 8));
  return lines.flatMap((line) => wrapLine(`${indent}${line}`, width));
}

/** A line whose continuation is aligned with its text, not with its status. */
const hanging = (line: string, width: number): string[] =>
  wrapLine(`${indent}${line.slice(statusWidth)}`, width).map((piece, at) =>
    at === 0 ? line.slice(0, statusWidth) + piece.slice(statusWidth) : piece,
  );
