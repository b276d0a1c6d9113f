import type { KeyObject } from 'node:crypto';
import { createHash, sign } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { positionReader } from '../src/payload/position-reader.ts';
import { fingerprintOf } from '../src/payload/format/signature.ts';
import { rawPublicKey } from './signing.ts';

/**
 * Signatures and public keys in minisign's form (https://jedisct1.github.io/minisign/), so that a file can be
 * checked by a program that did not come with it. Made without times or names, so that they are as
 * reproducible as the file.
 */

const pieceBytes = 4 * 1024 * 1024;

/** By which minisign finds the key: made from the key itself, where minisign draws lots. */
const keyId = (key: Buffer): Buffer => createHash('sha256').update(key).digest().subarray(0, 8);

const lines = (...text: string[]): string => `${text.join('\n')}\n`;

/** The public half as a file for `minisign -p`; its comment has the fingerprint that operators compare. */
export function minisignPublicKey(key: KeyObject): string {
  const raw = rawPublicKey(key);
  const packed = Buffer.concat([Buffer.from('Ed'), keyId(raw), raw]);
  return lines(`untrusted comment: Ed25519 key ${fingerprintOf(raw)}`, packed.toString('base64'));
}

/**
 * The text of FILE.minisig over the first `size` bytes of an open file: minisign's prehashed form, Ed25519
 * over BLAKE2b-512. The file's front holds hashes of all the rest, so this pass can only come when everything
 * is written; it reads ahead while it hashes.
 */
export async function minisignature(
  file: FileHandle,
  size: number,
  key: KeyObject,
  trustedComment: string,
  onProgress: (done: number) => void = () => {},
): Promise<string> {
  const readAt = positionReader(file.fd);
  const read = (from: number) => readAt(from, Math.min(pieceBytes, size - from));
  const hash = createHash('blake2b512');
  let next = read(0);
  for (let from = 0; from < size; from += pieceBytes) {
    const piece = await next;
    if (from + pieceBytes < size) next = read(from + pieceBytes);
    hash.update(piece);
    onProgress(from + piece.length);
  }
  const signature = sign(null, hash.digest(), key);
  const raw = rawPublicKey(key);
  const both = sign(null, Buffer.concat([signature, Buffer.from(trustedComment)]), key);
  return lines(
    `untrusted comment: signature by the Ed25519 key ${fingerprintOf(raw)}`,
    Buffer.concat([Buffer.from('ED'), keyId(raw), signature]).toString('base64'),
    `trusted comment: ${trustedComment}`,
    both.toString('base64'),
  );
}
