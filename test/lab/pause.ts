import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImages } from './images.ts';

/**
 * Whether a 64-bit ELF program needs no loader: none of its program headers names an interpreter. Undefined
 * for what is no such program.
 */
export function isStatic(path: string): boolean | undefined {
  const file = openSync(path, 'r');
  try {
    const read = (position: number, size: number) => {
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readSync(file, bytes, 0, size, position));
    };
    const header = read(0, 64);
    if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2) return undefined;
    const [offset, size, count] = [
      Number(header.readBigUInt64LE(32)),
      header.readUInt16LE(54),
      header.readUInt16LE(56),
    ];
    const interpreter = 3;
    return Array.from({ length: count }, (_, at) => read(offset + at * size, 4).readUInt32LE(0)).every(
      (type) => type !== interpreter,
    );
  } finally {
    closeSync(file);
  }
}

/**
 * Unpacks the image that holds every pod's sandbox, and runs its program with nothing around it but what the
 * image has. Returns what it said when it did not start: every pod would end with StartError, and nothing
 * that waits for one would say why.
 */
export async function pauseFault(busybox?: string): Promise<string | undefined> {
  const [pause = ''] = await ensureImages(busybox);
  const folder = mkdtempSync(join(tmpdir(), 'lab-pause-'));
  const done = (program: string, ...args: string[]) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
    return {
      isDone: status === 0,
      stdout,
      words: (error?.message ?? stderr).trim().split('\n').at(-1) ?? '',
    };
  };
  try {
    const root = join(folder, 'root');
    mkdirSync(root);
    const unpacked = done('tar', '-xf', pause, '-C', folder);
    if (!unpacked.isDone) return unpacked.words;
    const blobs = join(folder, 'blobs/sha256');
    // The layer is the only blob that is a tar itself.
    const layer = done(
      'sh',
      '-c',
      `for blob in ${blobs}/*; do tar -tf "$blob" >/dev/null 2>&1 && echo "$blob"; done`,
    );
    const [path = ''] = layer.stdout.trim().split('\n');
    const rooted = done('tar', '-xf', path, '-C', root);
    if (!rooted.isDone) return rooted.words;
    const run = done('chroot', root, '/bin/sleep', '0');
    return run.isDone ? undefined : run.words;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
