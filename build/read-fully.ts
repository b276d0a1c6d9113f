import { readSync } from 'node:fs';

/** Fills `bytes` from byte `from` of an open file on. Throws, with its `name`, when the file ends before. */
export function readFully(file: number, bytes: Uint8Array, from: number, name: string): void {
  for (let done = 0; done < bytes.length;) {
    const read = readSync(file, bytes, done, bytes.length - done, from + done);
    if (read === 0)
      throw new Error(`${name} ends at byte ${from + done}, before its ${from + bytes.length} bytes`);
    done += read;
  }
}
