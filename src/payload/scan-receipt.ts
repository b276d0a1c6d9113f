import { createHash } from 'node:crypto';
import { constants, fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { writeFileAtomic } from '../host/atomic-file.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { isRoot } from '../host/system.ts';
import type { Payload } from './reader.ts';
import { renderTrailer } from './format/trailer.ts';

/**
 * What a finished scan leaves for the next run: which file was found intact. It is the same file as long as
 * its file system gives it these numbers, which change when its content does. Decimal text: a nanosecond of
 * today does not fit in a number.
 */
export type ScanReceipt = Readonly<Record<(typeof fields)[number], string>>;
const fields = ['device', 'inode', 'size', 'mtimeNs', 'ctimeNs', 'trailerSha256'] as const;

const maxReceiptBytes = 4096;

/** What a receipt of this file says, as it is now. */
export function receiptOf({ descriptor, trailer }: Pick<Payload, 'descriptor' | 'trailer'>): ScanReceipt {
  const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(descriptor, { bigint: true });
  return {
    device: String(dev),
    inode: String(ino),
    size: String(size),
    mtimeNs: String(mtimeNs),
    ctimeNs: String(ctimeNs),
    trailerSha256: createHash('sha256').update(renderTrailer(trailer)).digest('hex'),
  };
}

const isSame = (a: Partial<ScanReceipt> | null, b: ScanReceipt) =>
  fields.every((field) => a?.[field] === b[field]);

/**
 * Whether an earlier scan found exactly this file intact. Only root believes a receipt, and only one that
 * nobody but root can have written; one that is missing, damaged or of another file counts as none.
 */
export async function isReceipted(payload: Payload, path: string): Promise<boolean> {
  if (!isRoot()) return false;
  try {
    await assertSafePath(path);
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { uid, mode, size } = await handle.stat();
      const isOurs = uid === 0 && mode === (constants.S_IFREG | 0o600) && size <= maxReceiptBytes;
      if (!isOurs) return false;
      return isSame(JSON.parse(await handle.readFile('utf8')) as ScanReceipt | null, receiptOf(payload));
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

/**
 * Keeps `receipt`, which was made before the scan: a file that has changed since then gets none. Writes as
 * root only.
 */
export async function writeReceipt(payload: Payload, receipt: ScanReceipt, path: string): Promise<void> {
  if (!isRoot() || !isSame(receipt, receiptOf(payload))) return;
  await assertSafePath(path, { mayBeMissing: true });
  await writeFileAtomic(path, `${JSON.stringify(receipt)}\n`, { mode: 0o600 });
}
