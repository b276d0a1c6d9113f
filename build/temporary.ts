import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** What this run has made beside its output or below the folder for temporary files. */
const made = new Set<string>();

/** A folder that nobody had before, whose name starts so. `remove` takes it away. */
export function temporaryFolder(prefix: string): { folder: string; remove(): Promise<void> } {
  const folder = mkdtempSync(prefix);
  made.add(folder);
  return {
    folder,
    async remove() {
      await rm(folder, { recursive: true, force: true });
      made.delete(folder);
    },
  };
}

/** Has a signal take a file away too. Returns what is called when the file is gone or has its name. */
export function temporaryFile(path: string): () => void {
  made.add(path);
  return () => made.delete(path);
}

/** For a run that a signal ends: nothing else is touched, whatever its name. */
export function removeTemporaries(): void {
  for (const path of made) rmSync(path, { recursive: true, force: true });
}
