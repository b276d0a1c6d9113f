import type { ErrorCode } from '../errors.ts';
import { IvaapError, stopRequest } from '../errors.ts';

/** Which error a stopped run ends with: the reason if it is one of ours, `interrupted` otherwise. */
export function stopError(reason: unknown, cause?: unknown): IvaapError {
  const known = reason instanceof IvaapError ? reason : stopRequest('SIGINT');
  return known.with({ cause: cause === reason ? undefined : cause });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

/**
 * Whatever a step threw, as the error of that step; `resume` is the command that resumes its run. The
 * system's refusals (full disk, no permission) are failures of the host; any other foreign error is a defect
 * of ours.
 */
export function stepError(error: unknown, step: string, resume: string): IvaapError {
  if (error instanceof IvaapError) {
    if (error.step !== undefined) return error;
    // Nothing else to try is known where a program died or its connection broke.
    const hint = error.hint ?? (error.code === 'failed' ? resume : undefined);
    return error.with({ step, hint });
  }
  const full = isSystemError(error) && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  const code: ErrorCode = isSystemError(error) ? 'failed' : 'bug';
  return new IvaapError(code, `step ${step} failed${full ? ': the disk is full' : ''}`, {
    step,
    cause: error,
    output: code === 'bug' && error instanceof Error ? error.stack : undefined,
    hint: full ? `free disk space (df -h, and df -i for inodes), then resume: ${resume}` : undefined,
  });
}
