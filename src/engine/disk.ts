import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';

/**
 * The few file operations that the journal is built on, so that tests can put a disk underneath that tears
 * writes, loses renames or is full. Each operation throws Node's system errors.
 */
export interface Disk {
  /**
   * The whole text, or undefined when there is no such file. Only a regular file is read, and no link is
   * followed.
   */
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

/** Something other than a file is at its path. */
export class NoFile extends Error {
  /** `a link`. */
  readonly what: string;

  constructor(what: string) {
    super(`it is ${what}`);
    this.what = what;
  }
}

/** The real file system. */
export const nodeDisk: Disk = {
  async read(path) {
    let file: FileHandle;
    try {
      // Without waiting: a pipe that nobody writes into would never open.
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error)) return undefined;
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') throw new NoFile('a link');
      if (code === 'ENXIO') throw new NoFile('a socket');
      throw error;
    }
    try {
      const info = await file.stat();
      if (!info.isFile()) throw new NoFile(info.isDirectory() ? 'a folder' : 'a device or a pipe');
      return await file.readFile('utf8');
    } finally {
      await file.close();
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
