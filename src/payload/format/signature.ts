import { createHash, createPublicKey, verify } from 'node:crypto';
import { IvaapError } from '../../errors.ts';
import { copyAgain } from '../payload-errors.ts';
import type { Trailer } from './trailer.ts';
import { signedBytes } from './trailer.ts';

/** FORMAT.md, Trailer: signature, fingerprint and hand-over. */

/** What a public key is known by: the SHA-256 of its 32 bytes, hex. */
export const fingerprintOf = (key: Buffer): string => createHash('sha256').update(key).digest('hex');

/** Fingerprint of the key that signed a payload; null of an unsigned one. */
export const signerOf = ({ signed }: Pick<Trailer, 'signed'>): string | null =>
  signed === undefined ? null : fingerprintOf(signed.key);

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes: the form in which node:crypto takes one. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

function holds(key: Buffer, message: Buffer, signature: Buffer): boolean {
  const spki = Buffer.concat([spkiPrefix, key]);
  try {
    return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
  } catch {
    return false;
  }
}

/** What an older key signs to hand over to `key`; it counts for that product only. */
export const handoverText = (product: string, key: Buffer): Buffer =>
  Buffer.from(
    `executable-payload key hand-over\nproduct: ${product}\nkey: ed25519 ${key.toString('base64')}\n`,
  );

/** Fingerprints of the older keys whose hand-over statement to this file's key holds. */
export function handedOverBy({ signed }: Pick<Trailer, 'signed'>, product: string): string[] {
  if (signed === undefined) return [];
  const text = handoverText(product, signed.key);
  return signed.handovers
    .filter(({ key, signature }) => holds(key, text, signature))
    .map(({ key }) => fingerprintOf(key));
}

/** Throws IvaapError `payload` when a signed trailer's signature is not one of its key over its own bytes. */
export function assertSignature(trailer: Trailer, file: string): void {
  const { signed } = trailer;
  if (signed === undefined || holds(signed.key, signedBytes(trailer), signed.signature)) return;
  throw new IvaapError('payload', `${file} is damaged: the signature in its trailer is not valid`, {
    hint: `${copyAgain}; if they are the same, it was changed after it had been signed`,
  });
}
