import { crc32 } from 'node:zlib';
import { IvaapError } from '../errors.ts';
import { selfPath } from '../host/own-file.ts';
import { elfEnd } from './format/head.ts';
import { limits } from './format/limits.ts';
import { shellWord } from '../shell-word.ts';
import { copyAgain } from './payload-errors.ts';
import type { ReadAt } from './position-reader.ts';
import { isLine, strictJson } from './format/strict-json.ts';
import type { Trailer } from './format/trailer.ts';
import { findTrailer, trailerSearchBytes } from './format/trailer.ts';

/** The file is an executable of this kind and nothing was packed onto it. */
export class NoPayload extends IvaapError {}

/**
 * Finds the trailer at the end of a file of `fileSize` bytes. Throws IvaapError `payload` that says what is
 * missing.
 */
export async function locateTrailer(
  readAt: ReadAt,
  fileSize: number,
  path: string,
): Promise<{ trailer: Trailer; commentLength: number }> {
  const tailSize = Math.min(trailerSearchBytes, fileSize);
  const found = findTrailer(await readAt(fileSize - tailSize, tailSize), fileSize);
  if (found.kind === 'found') return found;
  if (found.kind === 'newer')
    throw new IvaapError(
      'payload',
      `${displayName(path)} has payload format ${found.format} ` +
        'by its trailer, and this program reads format 1',
      { hint: 'this program is too old for that file: run the file itself' },
    );
  throw await whyNoTrailer(readAt, fileSize, path, found.kind === 'malformed' ? found.why : undefined);
}

/** A payload's file in messages. */
export const displayName = (path: string): string => (path === selfPath ? 'this executable' : path);

async function whyNoTrailer(
  readAt: ReadAt,
  fileSize: number,
  path: string,
  why: string | undefined,
): Promise<IvaapError> {
  const sentAsText = await textTransfer(readAt, fileSize);
  if (sentAsText !== undefined) return damaged(path, sentAsText, asBinary);
  const headSize = await elfEnd(readAt, fileSize);
  const isHeadWhole = headSize !== undefined && headSize <= fileSize;
  if (!isHeadWhole && why !== undefined) return damaged(path, why);
  if (headSize === undefined)
    return new IvaapError(
      'payload',
      `${displayName(path)} carries no payload and is not an executable of this kind`,
      {
        hint: 'name the file that was delivered',
      },
    );
  if (headSize > largestHead) return damaged(path, 'the headers of the executable are invalid', asBinary);
  if (fileSize < headSize)
    return cutOff(
      path,
      fileSize,
      undefined,
      `at least ${headSize} bytes, cut off inside the executable itself`,
    );
  if (fileSize === headSize)
    return new NoPayload('payload', `${displayName(path)} carries no payload`, {
      hint:
        'run the executable as it was delivered: not the empty one from which it was ' +
        'packed, nor one from which `strip` or a similar tool removed the payload',
    });
  const index = await indexWithoutTrailer(readAt, fileSize);
  if (index === undefined)
    return why === undefined
      ? cutOff(path, fileSize, undefined, 'cut off or damaged before the end of its index')
      : damaged(path, why);
  if (fileSize < index.fileSize) {
    const complete = index.entries.findLast((entry) => entry.offset + entry.size <= fileSize);
    return cutOff(path, fileSize, index.fileSize, `complete up to ${complete?.name ?? 'index.json'}`);
  }
  const problem =
    fileSize > index.fileSize
      ? `it has ${fileSize - index.fileSize} bytes more than its ${index.fileSize}`
      : (why ?? 'its trailer is missing');
  return damaged(path, problem);
}

const damaged = (path: string, why: string, hint = copyAgain): IvaapError =>
  new IvaapError('payload', `${displayName(path)} is damaged: ${why}`, { hint });

const asBinary = 'transfer it again unchanged; in ftp, type `binary` before `get` or `put`';

/** No program of this kind comes near; a shifted header says anything. */
const largestHead = 16 * 1024 ** 3;

/** Bytes from which it shows, and how many line ends they need to have. */
const textSample = 1024 * 1024;
const enoughLineEnds = 500;

/**
 * Why a file looks as if it had been sent as text, which FTP calls ASCII mode; undefined when it does not.
 */
async function textTransfer(readAt: ReadAt, fileSize: number): Promise<string | undefined> {
  const sample = await readAt(0, Math.min(textSample, fileSize));
  if (sample.length < 4 || sample.readUInt32BE(0) !== 0x7f454c46) return undefined;
  let lineEnds = 0;
  let pairs = 0;
  for (let at = sample.indexOf(0x0a); at >= 0; at = sample.indexOf(0x0a, at + 1)) {
    lineEnds += 1;
    if (sample[at - 1] === 0x0d) pairs += 1;
  }
  if (lineEnds < enoughLineEnds || pairs < lineEnds) return undefined;
  return 'it was transferred as text: each line end in it became two characters';
}

function cutOff(path: string, fileSize: number, expected: number | undefined, state: string): IvaapError {
  const of = expected === undefined ? '' : ` of ${expected}`;
  const file = path === selfPath ? process.execPath : path;
  const whole =
    expected === undefined ? 'compare its size with the source’s' : `it must have ${expected} bytes`;
  return new IvaapError('payload', `${displayName(path)} is incomplete: ${fileSize}${of} bytes, ${state}`, {
    hint:
      `the copy is incomplete: ${copyAgain}: sha256sum ${shellWord(file)}\n` +
      `or copy only the rest, from byte ${fileSize} on; ${whole}: stat -c %s ${shellWord(file)}`,
  });
}

interface UnprovedIndex {
  fileSize: number;
  entries: { name: string; offset: number; size: number }[];
}

/**
 * index.json as its own local header right behind the head describes it. `whole`: its CRC-32 is the header's.
 * Undefined where no header is.
 */
export async function indexBehindHead(
  readAt: ReadAt,
  fileSize: number,
): Promise<{ content: Buffer; whole: boolean } | undefined> {
  const headSize = await elfEnd(readAt, fileSize);
  if (headSize === undefined || fileSize < headSize + 30) return undefined;
  const header = await readAt(headSize, 30);
  if (header.readUInt32LE(0) !== 0x04034b50) return undefined;
  const offset = headSize + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const size = header.readUInt32LE(18);
  if (size > limits.indexBytes || offset + size > fileSize) return undefined;
  const content = await readAt(offset, size);
  return { content, whole: crc32(content) === header.readUInt32LE(14) };
}

/** The same, believed only as far as a message needs. */
async function indexWithoutTrailer(readAt: ReadAt, fileSize: number): Promise<UnprovedIndex | undefined> {
  const found = await indexBehindHead(readAt, fileSize);
  try {
    const index = found && (strictJson(found.content) as Partial<UnprovedIndex> | null);
    const isPlace = (entry: Partial<UnprovedIndex['entries'][number]> | null) =>
      isLine(entry?.name) && Number.isSafeInteger(entry.offset) && Number.isSafeInteger(entry.size);
    return Number.isSafeInteger(index?.fileSize) &&
      Array.isArray(index?.entries) &&
      index.entries.every(isPlace)
      ? (index as UnprovedIndex)
      : undefined;
  } catch {
    return undefined;
  }
}
