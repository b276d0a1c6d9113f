import { createPrivateKey } from 'node:crypto';

/** Of a block's first lines; a block that is cut off behind them still gives a key away. */
const blockStart = 600;
const largestDer = 16 * 1024;

/**
 * What private key these bytes hold, in words: PEM of any kind (also as base64, as in a Secret's data),
 * OpenSSH, PGP, PuTTY, minisign, signify, age, JWK, DER, PKCS#12 and Java's key stores. A header without a
 * key behind it, as in a comment, is none.
 */
export function privateKeyIn(bytes: Buffer): string | undefined {
  return inText(bytes.toString('latin1')) ?? inBinary(bytes);
}

function inText(text: string): string | undefined {
  for (const { 0: header, 1: kind = '', index } of text.matchAll(
    /-{4,5} ?BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?) ?-{4,5}/g,
  )) {
    const start = index + header.length;
    const [body = ''] = text.slice(start, start + blockStart).split('END', 1);
    if (looksEncoded(body)) return `a ${kind} block`;
  }
  for (const [encoded] of text.matchAll(/LS0tL[A-Za-z0-9+/\s]{60,2000}/g))
    if (inText(Buffer.from(encoded, 'base64').toString('latin1')) !== undefined)
      return 'a PRIVATE KEY block in base64';
  if (/^PuTTY-User-Key-File-\d/m.test(text) && /^Private-Lines:/m.test(text)) return "PuTTY's private key";
  if (/AGE-SECRET-KEY-1[A-Z0-9]{50}/.test(text)) return 'a secret key of age';
  if (/"kty"\s*:\s*"(?:OKP|EC|RSA)"/.test(text) && /(?<![A-Za-z])"d"\s*:\s*"[A-Za-z0-9_-]{40,}"/.test(text))
    return 'a private JWK';
  // Ed25519, a way of deriving the key, and a length that neither public keys nor signatures have.
  for (const [encoded] of text.matchAll(/RW[A-Za-z0-9+/]{130,220}={0,2}/g))
    if ([158, 104].includes(Buffer.from(encoded, 'base64').length))
      return 'a secret key of minisign or signify';
  return undefined;
}

/**
 * Whether a long word is there whose letters are those of base64, in both cases; a sentence or dots are no
 * key.
 */
const looksEncoded = (text: string): boolean =>
  text
    .replaceAll(/\\r|\\n/g, ' ')
    .split(/[^A-Za-z0-9+/=]+/)
    .some((word) => word.length >= 24 && /[A-Z]/.test(word) && /[a-z]/.test(word));

function inBinary(bytes: Buffer): string | undefined {
  const store = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  // Behind magic, version and count: 1 is a private key, 2 a certificate that is trusted.
  if ((store === 0xfeedfeed || store === 0xcececece) && bytes.length > 16 && bytes.readUInt32BE(12) === 1)
    return "a key store of Java's";
  if (bytes[0] !== 0x30) return undefined;
  const start = bytes.subarray(0, 64).toString('hex');
  if (/^30.{2,10}?020103/.test(start) && start.includes('06092a864886f70d010701'))
    return 'a key store (PKCS#12)';
  if (bytes.length > largestDer) return undefined;
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const)
    try {
      createPrivateKey({ key: bytes, format: 'der', type });
      return 'a private key (DER)';
    } catch {
      // Another type, or none of them.
    }
  return undefined;
}
