import { counted } from '../policy/counted.ts';
import { formatDuration } from '../ui/format.ts';
import { printableLine } from '../ui/sanitize.ts';
import type { RunReport } from './report-schema.ts';

export const day = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
export const clock = (at: string): string => at.slice(11, 19);

/** The downtime in a few words. */
export function downtimeText({ totalMs, atLeast, why, intervals }: RunReport['downtime']): string {
  if (totalMs === null) return `not measured: ${why ?? 'no probe'}`;
  if (totalMs === 0 && intervals.length === 0)
    return atLeast ? `none was seen, but ${why ?? 'not all was measured'}` : 'none was seen';
  const more = intervals.length > 1 ? ` in ${intervals.length} intervals` : '';
  return `${atLeast ? 'at least ' : ''}${formatDuration(totalMs)}${more}`;
}

export function outcomeText({ status, exitCode }: Pick<RunReport, 'status' | 'exitCode'>): string {
  if (status === null || exitCode === null) return 'no result: cut off, or still running';
  const words: Record<string, string> = {
    completed: 'completed',
    rolled_back: 'failed, rolled back by Helm',
    schema_moved: 'failed, the database schema has moved or changed',
    failed: 'failed, the same command resumes it',
    interrupted: 'stopped by the operator',
    terminated: 'stopped by a signal',
  };
  return `${words[status] ?? `ended with ${status}`}, exit code ${exitCode}`;
}

/** From which version to which, or the one of both. */
export const versionsText = ({ from, to }: Pick<RunReport, 'from' | 'to'>): string =>
  from === null || from === to ? (to ?? '') : `${from} -> ${to ?? 'not known'}`;

/** One line for a change ticket. */
export function summaryLine(report: Omit<RunReport, 'summary'>): string {
  const { product, flow, host, by, startedAt, endedAt, downtime, dumps, waivers, warnings, moreWarnings } =
    report;
  const on = host === null ? '' : ` on ${host}`;
  // A resumed run may have dumped again once the schema had moved: that one does not bring the release back.
  const dump = dumps.findLast(({ schemaVersion }) => schemaVersion === report.schema.before) ?? dumps.at(-1);
  const parts = [
    `${product ?? 'product not known'}: ${flow ?? 'run'} ${versionsText(report)}${on}`,
    outcomeText(report),
    ...(startedAt === null
      ? []
      : [
          `${day(startedAt)}${endedAt === null ? '' : ` to ${day(endedAt)}`}` +
            (by === null ? '' : ` by ${by}`),
        ]),
    `downtime: ${downtimeText(downtime)}`,
    dump === undefined ? 'no dump' : `dump ${dump.path} SHA-256 ${dump.sha256}`,
    ...(waivers.length === 0 ? [] : [counted(waivers.length, 'waiver')]),
    counted(warnings.length + moreWarnings, 'warning'),
    `run ${report.run}`,
  ];
  return printableLine(parts.join('; '));
}
