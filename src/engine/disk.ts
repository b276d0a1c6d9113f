import { constants } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';

/**
 * The few file operations that the journal is built on, so that tests can put a disk underneath that tears writes,
 * loses renames or is full. Each operation throws Node's system errors.
 */
export interface Disk {
  /** The whole text, or undefined when there is no such file. */
  read(path: string): Promise<string | undefined>;
  /** Creates or truncates; not durable before `sync`. */
  write(path: string, text: string, mode: number): Promise<void>;
  /** fsync of a file or of a folder's entries. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** No error when there is nothing to remove. */
  remove(path: string): Promise<void>;
  /** The folder and its missing parents. */
  makeFolder(path: string, mode: number): Promise<void>;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The real file system. */
export const nodeDisk: Disk = {
  async read(path) {
    try {
      // Without blocking: a named pipe in the place of the file is not waited for.
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if ((await file.stat()).isFile()) return await file.readFile('utf8');
        throw new Error(`${path} is no regular file`);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async write(path, text, mode) {
    const file = await open(path, 'w', mode);
    try {
      // A temporary file left by an earlier run may have another mode: open's mode counts for new files only.
      await file.chmod(mode);
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  },
  async sync(path) {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async makeFolder(path, mode) {
    await mkdir(path, { recursive: true, mode });
  },
};
