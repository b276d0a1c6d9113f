import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { IvaapError } from '../errors.ts';
import { asThisUser, shellWord } from '../shell-word.ts';

/** A dump file as it was recorded; where nothing is recorded, only the text's own end shows it whole. */
export interface RecordedFile {
  path: string;
  sizeBytes?: number | undefined;
  sha256?: string | undefined;
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const pieceBytes = 1024 * 1024;

/**
 * The text of a dump, plain or as zstd has it. After the last byte the file is compared with its record:
 * throws 'failed' before the stream ends, so that nobody takes a damaged one for complete. Returns what the
 * file is.
 */
export async function* dumpText(
  { path, sizeBytes, sha256 }: RecordedFile,
  onBytes: (read: number) => void = () => {},
): AsyncGenerator<Buffer, Required<Omit<RecordedFile, 'path'>>> {
  const hash = createHash('sha256');
  let read = 0;
  async function* bytes(): AsyncGenerator<Buffer> {
    const file = await openDump(path);
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafe(pieceBytes);
        const { bytesRead } = await file.read(buffer, 0, pieceBytes, null).catch(unreadable(path));
        if (bytesRead === 0) return;
        const piece = buffer.subarray(0, bytesRead);
        hash.update(piece);
        read += bytesRead;
        onBytes(read);
        yield piece;
      }
    } finally {
      await file.close();
    }
  }
  yield* (await isZstd(path)) ? unpacked(path, bytes()) : bytes();
  const found = hash.digest('hex');
  const wrong =
    sizeBytes !== undefined && sizeBytes !== read
      ? `it has ${read} bytes instead of ${sizeBytes}`
      : sha256 !== undefined && sha256 !== found
        ? `its SHA-256 is not ${sha256}`
        : undefined;
  if (wrong !== undefined) throw damaged(path, `${wrong}: it has changed since it was written`);
  return { sizeBytes: read, sha256: found };
}

async function isZstd(path: string): Promise<boolean> {
  const file = await openDump(path);
  try {
    const head = Buffer.alloc(zstdMagic.length);
    const { bytesRead } = await file.read(head, 0, head.length, 0).catch(unreadable(path));
    return bytesRead === head.length && head.equals(zstdMagic);
  } finally {
    await file.close();
  }
}

const openDump = (path: string) => open(path, 'r').catch(unreadable(path));

const unreadable = (path: string) => (error: NodeJS.ErrnoException) => {
  throw new IvaapError('failed', `the dump ${path} cannot be read: ${error.code}`, {
    cause: error,
    hint: asThisUser(`ls -l ${shellWord(path)}`),
  });
};

async function* unpacked(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Its callback only keeps an error from being unhandled: the reader below gets it, too.
  const text = pipeline(bytes, createZstdDecompress(), () => {});
  try {
    yield* text as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof IvaapError) throw error;
    throw damaged(path, `it cannot be unpacked (${(error as NodeJS.ErrnoException).code ?? 'zstd'})`, error);
  }
}

const damaged = (path: string, why: string, cause?: unknown) =>
  new IvaapError('failed', `the dump ${path} is damaged: ${why}`, {
    cause,
    hint: asThisUser(`ls -l ${shellWord(path)}`),
  });
