import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import { fingerprintOf, handoverText } from '../src/payload/format/signature.ts';
import { limits } from '../src/payload/format/limits.ts';
import { SpecError } from './spec-file.ts';

/**
 * The vendor's private keys: read from files or the environment, held in memory, never written or printed.
 * Ed25519 signatures are deterministic, so that a signed file is as reproducible as an unsigned one.
 */
export interface SigningKeys {
  key: KeyObject;
  /** Older keys: each states that `key` takes over from it. */
  older: readonly KeyObject[];
  /** Where they were read from, as far as from files. */
  files?: readonly string[];
}

/** All private keys that sign, the newest first. */
export const signingKeys = (keys: SigningKeys | undefined): KeyObject[] =>
  keys === undefined ? [] : [keys.key, ...keys.older];

/** What the trailer is signed with. */
export interface Signer {
  /** The public key's 32 bytes. */
  key: Buffer;
  handovers: { key: Buffer; signature: Buffer }[];
  sign(bytes: Buffer): Buffer;
}

const keyVariable = 'IVAAP_SIGNING_KEY';
const handoverVariable = 'IVAAP_HANDOVER_KEYS';

/**
 * The keys from the command line or the environment, which forgets them: no program that is started later
 * inherits one. Undefined when none is given. Throws {@link SpecError} for what is no private Ed25519 key,
 * is inside the spec's folder or can be read by others.
 */
export function readSigningKeys(
  files: { key?: string | undefined; handoverKeys?: readonly string[] | undefined },
  { environment, specFolder }: { environment: NodeJS.ProcessEnv; specFolder: string | undefined },
): SigningKeys | undefined {
  const once = <T>(option: string, variable: string, file: T | undefined): string => {
    const text = environment[variable] ?? '';
    delete environment[variable];
    if (file !== undefined && text !== '')
      throw new SpecError(`${option} and ${variable}: a key is given twice; leave one of them out`);
    return text;
  };
  const keyText = once('--key', keyVariable, files.key);
  const olderText = once('--handover-key', handoverVariable, files.handoverKeys);
  const fromFile = (path: string) => privateKey(keyFile(path, specFolder), path);
  const older = files.handoverKeys?.map(fromFile) ?? pems(olderText, handoverVariable);
  if (files.key === undefined && keyText === '') {
    if (older.length > 0)
      throw new SpecError('a key that hands over is given, and none that takes over: --key');
    return undefined;
  }
  const key = files.key === undefined ? privateKey(keyText, keyVariable) : fromFile(files.key);
  const fingerprints = [key, ...older].map(fingerprintOfKey);
  if (new Set(fingerprints).size < fingerprints.length)
    throw new SpecError('--handover-key: a key is given twice, or hands over to itself');
  if (older.length > limits.handovers)
    throw new SpecError(`--handover-key: ${older.length} keys; a file has room for ${limits.handovers}`);
  const read = [files.key ?? [], files.handoverKeys ?? []].flat();
  return { key, older, files: read };
}

export function signerOf({ key, older }: SigningKeys, product: string): Signer {
  const raw = rawPublicKey(key);
  const statement = handoverText(product, raw);
  return {
    key: raw,
    handovers: older.map((one) => ({ key: rawPublicKey(one), signature: sign(null, statement, one) })),
    sign: (bytes) => sign(null, bytes, key),
  };
}

/** What operators compare: {@link fingerprintOf} of a private key's public half. */
export const fingerprintOfKey = (key: KeyObject): string => fingerprintOf(rawPublicKey(key));

/** The 32 bytes of the public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

/** The text of a key file that is its owner's alone and no part of what is packed. */
function keyFile(path: string, specFolder: string | undefined): string {
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0)
      throw new SpecError(`${path}: a private key that others can read or write: chmod 600 ${path}`);
    if (specFolder !== undefined && !relative(realpathSync(specFolder), realpathSync(path)).startsWith('../'))
      throw new SpecError(
        `${path}: a private key in the spec's folder ends up in a repository or a payload; keep it elsewhere`,
      );
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof SpecError) throw error;
    throw new SpecError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return text;
}

function pems(text: string, source: string): KeyObject[] {
  const found = text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  if (found.length === 0 && text.trim() !== '') return [privateKey(text, source)];
  return found.map((pem) => privateKey(pem, source));
}

/** OpenSSL's own message is left out: it is about its decoders, and nothing of a key may reach a log. */
function privateKey(text: string, source: string): KeyObject {
  if (text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----'))
    throw new SpecError(
      `${source}: the key is behind a passphrase: openssl pkey -in KEY gives the plain one`,
    );
  if (text.includes('-----BEGIN PUBLIC KEY-----'))
    throw new SpecError(`${source}: a public key; the private one signs`);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, format: 'pem' });
  } catch {
    throw new SpecError(
      `${source}: no private key in PEM (PKCS#8): openssl genpkey -algorithm ed25519 -out KEY makes one`,
    );
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new SpecError(`${source}: a key of type ${key.asymmetricKeyType}; only Ed25519 signs payloads`);
  return key;
}
