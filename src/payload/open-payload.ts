import { hash } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { IvaapError } from '../errors.ts';
import { ownDescriptor, selfPath } from '../host/own-file.ts';
import { indexBehindHead, locateTrailer, displayName } from './locate.ts';
import { limits } from './format/limits.ts';
import type { ReadAt } from './position-reader.ts';
import { payloadReader } from './position-reader.ts';
import type { OpenFile } from './reader.ts';
import { Payload } from './reader.ts';
import { assertSignature } from './format/signature.ts';
import type { Trailer } from './format/trailer.ts';
import { copyAgain, damagedRange } from './payload-errors.ts';
import { shellWord } from '../shell-word.ts';

export { selfPath } from '../host/own-file.ts';

/**
 * Opens a payload: reads trailer and index and nothing else. Throws IvaapError `payload` when there is none,
 * or it is cut off or damaged.
 */
export async function openPayload(path: string = selfPath): Promise<Payload> {
  const file = await opened(path);
  try {
    const { size } = fstatSync(file.descriptor);
    const readAt = payloadReader(file.descriptor, displayName(path));
    const { trailer, commentLength } = await locateTrailer(readAt, size, path);
    assertSignature(trailer, displayName(path));
    const content = await provedIndex(readAt, trailer, commentLength, path);
    return new Payload(file, path, trailer, commentLength, content);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function opened(path: string): Promise<OpenFile> {
  if (path === selfPath) return { descriptor: ownDescriptor(), close: async () => {} };
  try {
    const handle = await open(path, 'r');
    return { descriptor: handle.fd, close: () => handle.close() };
  } catch (cause) {
    throw new IvaapError('usage', `${path} cannot be opened`, { hint: `ls -ld ${shellWord(path)}`, cause });
  }
}

/**
 * The bytes of index.json, compared with the trailer. Where they differ, index.json's own header says which
 * of the two is damaged.
 */
async function provedIndex(
  readAt: ReadAt,
  trailer: Trailer,
  commentLength: number,
  path: string,
): Promise<Buffer> {
  const { indexOffset, indexLength, fileSize } = trailer;
  if (indexLength <= limits.indexBytes && indexOffset + indexLength <= fileSize) {
    const content = await readAt(indexOffset, indexLength);
    if (hash('sha256', content) === trailer.indexSha256) return content;
  }
  if (indexLength > limits.indexBytes)
    throw new IvaapError(
      'payload',
      `${displayName(path)} has an index of ${indexLength} bytes; at most ${limits.indexBytes} are allowed`,
      { hint: `${copyAgain}; or ask the vendor for another file` },
    );
  throw (await indexBehindHead(readAt, fileSize))?.whole === true || indexOffset + indexLength > fileSize
    ? damagedRange(displayName(path), 'the trailer', fileSize - commentLength, fileSize)
    : damagedRange(displayName(path), 'index.json', indexOffset, indexOffset + indexLength);
}
