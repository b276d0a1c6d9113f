import { programFailure } from '../host/program-failure.ts';
import type { Trouble } from './troubles.ts';

/** What Helm's own output says about why it failed. */

/** Helm prints its error in its log and again at its end: the end is enough. */
export function ownMessage(output: string): string {
  const lines = output.split('\n');
  return lines.some((line) => line.startsWith('Error: '))
    ? lines.filter((line) => !line.startsWith('level=')).join('\n')
    : output;
}

/** Helm ran a hook, and that is what failed. */
export const hookFailed = /(pre|post)-(install|upgrade) hooks failed: /;

/** All that Helm prints when its wait timed out and its rollback worked. */
const notReady =
  /^Error: (UPGRADE|INSTALLATION) FAILED: (release \S+ failed, and has been rolled back due to rollback-on-failure being set: )?((pre|post)-\w+ hooks failed: )?((resource \S+ not ready\. status: [^\n]*\s*)+|context deadline exceeded)\s*$/;

/**
 * That the rollback worked, or that something is not ready, says less than why; that it could not roll back
 * is always printed.
 */
export function saysLess(said: string, endedByUs: boolean, troubles: readonly Trouble[]): boolean {
  if (endedByUs)
    return /has been rolled back due to rollback-on-failure|INSTALLATION FAILED: context canceled/.test(said);
  return troubles.length > 0 && notReady.test(said);
}

/** Whether Helm has applied everything and waited: pods are not the cause of what it refused at once. */
export function waitedInVain(error: unknown, said: string): boolean {
  const failure = programFailure(error);
  if (failure !== undefined && failure.reason !== 'exit') return true;
  return /deadline exceeded|timed out|not ready|context canceled|hook|status: (InProgress|Failed)/i.test(
    said,
  );
}
