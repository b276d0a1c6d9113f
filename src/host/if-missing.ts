/**
 * For `catch`: undefined where the path, or a folder above it, is not there; anything else is thrown again.
 */
export function ifMissing(error: unknown): undefined {
  if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
}
