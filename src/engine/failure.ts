import type { ErrorCode } from '../errors.ts';
import { IvaapError } from '../errors.ts';

/** The reason that main gives when it aborts a run's signal. */
export function stopRequest(signal: 'SIGINT' | 'SIGTERM'): IvaapError {
  const code: ErrorCode = signal === 'SIGINT' ? 'interrupted' : 'terminated';
  return new IvaapError(code, `stopped by ${signal}`, { hint: 'run the same command again: it resumes' });
}

/** Which error a stopped run ends with: the reason if it is one of ours, `interrupted` otherwise. */
export function stopError(reason: unknown, cause?: unknown): IvaapError {
  const known = reason instanceof IvaapError ? reason : stopRequest('SIGINT');
  return known.with({ cause: cause === reason ? undefined : cause });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

/**
 * Whatever a step threw, as the error of that step. The system's refusals (full disk, no permission) are
 * failures of the host; any other foreign error is a defect of ours.
 */
export function stepError(error: unknown, step: string): IvaapError {
  if (error instanceof IvaapError) {
    if (error.step !== undefined) return error;
    // Nothing else to try is known where a program died or its connection broke.
    const hint =
      error.hint ?? (error.code === 'failed' ? 'run the same command again: it resumes' : undefined);
    return error.with({ step, hint });
  }
  const full = isSystemError(error) && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  const code: ErrorCode = isSystemError(error) ? 'failed' : 'bug';
  return new IvaapError(code, `step ${step} failed${full ? ': the disk is full' : ''}`, {
    step,
    cause: error,
    output: code === 'bug' && error instanceof Error ? error.stack : undefined,
    hint: full
      ? 'free disk space (df -h, and df -i for inodes), then run the same command again: it resumes'
      : undefined,
  });
}
