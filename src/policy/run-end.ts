/** Of a run's record, what says how it ended. */
interface Ended {
  status: string;
  error?: unknown;
  rollbacks?: readonly { to: string }[] | undefined;
}

/**
 * How a run ended, behind its name: `failed`, `was cut off`. An install that a rollback has taken back has no
 * error: it may have completed before.
 */
export function runEnd({ status, error, rollbacks = [] }: Ended, isRunning: boolean): string {
  if (status === 'running' && !isRunning) return 'was cut off';
  const back = rollbacks.at(-1);
  return status === 'failed' && error === undefined && back !== undefined
    ? `was rolled back to ${back.to}`
    : status;
}
