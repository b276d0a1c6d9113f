import { basename } from 'node:path';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { readLog } from './read-log.ts';
import { reportHtml } from './report-html.ts';
import type { RunReport } from './report-schema.ts';
import { RunReportReader } from './run-report.ts';

const logEnd = '.jsonl';

/** Where the report of a log lies: beside it. */
export const reportPath = (log: string): string => `${withoutEnd(log)}.report.html`;

const withoutEnd = (path: string): string => (path.endsWith(logEnd) ? path.slice(0, -logEnd.length) : path);

/** The report of a run from its log alone. Throws where the log cannot be read. */
export async function reportOfLog(log: string): Promise<RunReport> {
  const reader = new RunReportReader(withoutEnd(basename(log)));
  const gaps = await readLog(log, reader.take);
  return reader.report(gaps);
}

/** Writes the page beside its log, readable by the owner alone, and returns its path. */
export async function writeReport(log: string): Promise<string> {
  const path = reportPath(log);
  await writeFileAtomic(path, reportHtml(await reportOfLog(log)), { mode: 0o600 });
  return path;
}
