import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { causeChain, IvaapError } from '../errors.ts';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { openFile } from '../host/open-file.ts';
import { absolutePath } from '../payload/absolute-path.ts';
import { once } from '../release/once.ts';
import { reportHtml } from '../report/report-html.ts';
import type { RunReport } from '../report/report-schema.ts';
import { reportOfLog, reportPath } from '../report/write-report.ts';
import { openOwnPayload } from '../session/opened-payload.ts';
import { type CommandPorts, onThisMachine } from '../session/ports.ts';
import { shellWord } from '../shell-word.ts';
import { assertSafeTarget } from './product-folder.ts';
import { runLogOf } from './run-log-of.ts';

interface ReportOptions {
  /** Id of a run, or the path of its log; undefined for the last run. */
  run: string | undefined;
  /** Undefined: the page beside the log; JSON is only returned. */
  output: string | undefined;
  format: 'html' | 'json';
  open: boolean;
}

interface MadeReport {
  report: RunReport;
  /** The file that was written. */
  path: string | undefined;
  /** Why it was not opened, where that was asked. */
  notOpened: string | undefined;
}

/** A run's report, made again from its log alone. Works without root where the log can be read. */
export async function runReport(
  { run, output, format, open }: ReportOptions,
  given: CommandPorts,
): Promise<MadeReport> {
  const { machine, program, again } = onThisMachine(given);
  const ourPaths = once(async () => {
    const opened = await openOwnPayload(machine);
    await opened.payload.close();
    return opened.paths;
  });
  const folder = async () => join((await ourPaths()).installer, 'logs');
  const log = await runLogOf({ run, folder, program, again });
  const report = await reportOfLog(log).catch((error: unknown) => {
    const hint = `ls -l ${shellWord(log)}`;
    throw new IvaapError('failed', `the log ${log} cannot be read`, { hint, cause: error });
  });
  if (output === undefined && format === 'json') return { report, path: undefined, notOpened: undefined };
  const path = output === undefined ? reportPath(log) : absolutePath(output);
  if (output !== undefined) {
    assertNew(path, again);
    await assertSafeTarget(path, (await ourPaths()).folder);
  }
  const text = format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportHtml(report);
  // Beside the log lies our own report of it, which this replaces.
  const found = output === undefined ? {} : { found: null };
  await writeFileAtomic(path, text, { mode: 0o600, ...found }).catch((error: unknown) => {
    throw new IvaapError('failed', `the report could not be written: ${causeChain(error)[0] ?? ''}`, {
      hint: `write it to another folder: ${again({ add: ['--output /var/tmp/report.html'] })}`,
      cause: error,
    });
  });
  return { report, path, notOpened: open ? await openFile(path) : undefined };
}

function assertNew(path: string, again: CommandPorts['again']): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  const other = found.isDirectory() ? join(path, 'report.html') : `${path}.1`;
  throw new IvaapError('usage', `${path} is ${found.isDirectory() ? 'a folder' : 'there already'}`, {
    hint: again({ add: [`--output ${shellWord(other)}`] }),
  });
}
