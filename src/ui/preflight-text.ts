import type { EngineEvent } from '../engine/events.ts';
import { columns } from './format.ts';
import { printable, printableLine } from './sanitize.ts';

type Report = Extract<EngineEvent, { type: 'preflight.report' }>;

const words = { ok: 'ok', warn: 'warn', fail: 'FAIL', waived: 'waived' } as const;

/** Most values fit; a longer one pushes its own limit aside, not everybody's. */
const measuredWidth = 32;

/** The report as a table: measured against limit, and below what is not ok why it matters and what mends it. */
export function preflightLines({ results }: Report): string[] {
  const rows = columns(
    results.map(({ id, status, measured, limit }) => [
      words[status],
      printableLine(id),
      `${printableLine(measured).padEnd(measuredWidth)}  ${printableLine(limit)}`,
    ]),
  );
  return results.flatMap((result, place) => [rows[place] ?? '', ...details(result)]);
}

function details(result: Report['results'][number]): string[] {
  if (result.status === 'ok') return [];
  const lines = [`why: ${printableLine(result.why)}`];
  if (result.tolerated === true) lines.push('it does not stop this run, which may be there to mend it');
  if (result.waiver !== undefined) lines.push(`waived: ${printableLine(result.waiver)}`);
  if (result.fix !== undefined) lines.push(`fix: ${printableLine(result.fix)}`);
  if (result.output !== undefined) lines.push(...printable(result.output).trimEnd().split('\n').slice(0, 8));
  return lines.map((line) => `        ${line}`);
}
