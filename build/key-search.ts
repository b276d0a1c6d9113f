import type { KeyObject } from 'node:crypto';

/** Byte sequences that only somebody who has the key can write. */
export type KeyTraces = readonly Buffer[];

/** How messages name it: what it would open is worth more than the file that it is in. */
export const ownKey = 'the private key that signs this file, which would be shipped with it';

/** An Ed25519 key's forms: the 32 secret bytes as they are in DER, PEM, a PEM in base64, JWK, and hex. */
export function keyTraces(keys: readonly KeyObject[]): KeyTraces {
  return keys.flatMap((key) => {
    const der = key.export({ format: 'der', type: 'pkcs8' });
    const secret = der.subarray(-32);
    const pem = Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }));
    return [
      secret,
      // From a place on that three bytes are four letters.
      Buffer.from(der.subarray(15).toString('base64')),
      Buffer.from(pem.subarray(27, 93).toString('base64')),
      Buffer.from(secret.toString('base64url')),
      Buffer.from(secret.toString('hex')),
    ];
  });
}

/** Looks for traces in bytes that come piece by piece. */
export class KeySearch {
  readonly #traces: KeyTraces;
  readonly #longest: number;
  #end = Buffer.alloc(0);
  found = false;

  constructor(traces: KeyTraces = []) {
    // Between threads a Buffer becomes an array of bytes.
    this.#traces = traces.map((trace) => Buffer.from(trace));
    this.#longest = Math.max(0, ...traces.map(({ length }) => length));
  }

  update(bytes: Uint8Array): void {
    if (this.#longest === 0 || this.found) return;
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const across = Buffer.concat([this.#end, piece.subarray(0, this.#longest)]);
    this.found = this.#traces.some((trace) => piece.includes(trace) || across.includes(trace));
    const end = piece.length >= this.#longest ? piece : Buffer.concat([this.#end, piece]);
    this.#end = Buffer.from(end.subarray(-this.#longest));
  }
}
