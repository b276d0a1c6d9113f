import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Damage } from './damages.ts';

function writeAll(file: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
}

/**
 * Does the damage to the file at `path`, whose bytes are `intact`, for as long as `use` runs. Only what
 * differs is written, and written back; the file is closed in between, so that it may be executed.
 */
export async function whileDamaged<T>(
  path: string,
  intact: Buffer,
  { patches, cutAt, insert }: Damage,
  use: () => Promise<T>,
): Promise<T> {
  const edit = (work: (file: number) => void) => {
    const file = openSync(path, 'r+');
    try {
      work(file);
    } finally {
      closeSync(file);
    }
  };
  edit((file) => {
    for (const { at, bytes } of patches) writeAll(file, bytes, at);
    if (cutAt !== undefined) ftruncateSync(file, cutAt);
    if (insert === undefined) return;
    writeAll(file, insert.bytes, insert.at);
    writeAll(file, intact.subarray(insert.at), insert.at + insert.bytes.length);
  });
  try {
    return await use();
  } finally {
    edit((file) => {
      for (const { at, bytes } of patches) writeAll(file, intact.subarray(at, at + bytes.length), at);
      const from = cutAt ?? insert?.at;
      if (from !== undefined) {
        ftruncateSync(file, from);
        writeAll(file, intact.subarray(from), from);
      }
    });
  }
}
